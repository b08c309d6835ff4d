"""Modules that are not installed, and objects that remember how they were made."""

START, END = "\ue0f0", "\ue0f1"
STOOD_IN = []
# Objects of installed docker.types: by identity, the object, its class, arguments, and its items then.
MADE = {}


class Result:
    """What came of something that is stood in for; nobody knows what it is."""

    def __init__(self, what):
        object.__setattr__(self, "_what", what)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Result("%s.%s" % (self._what, name))

    def __setattr__(self, name, value):
        pass

    def __getitem__(self, key):
        return Result(self._what + "[..]")

    def __call__(self, *args, **kwargs):
        # A decorator gives back what it is put on.
        if len(args) == 1 and not kwargs and isinstance(args[0], types.FunctionType):
            return args[0]
        return Result(self._what + "(..)")

    def __iter__(self):
        return iter(())

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return None

    def __str__(self):
        return START + self._what + END

    __repr__ = __str__

    def __format__(self, spec):
        return str(self)

    def __fspath__(self):
        return str(self)


class StandInType(type):
    """The class of classes that are stood in for: they have every attribute."""

    def __getattr__(cls, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return Result("%s.%s" % (cls.__name__, name))


class StandIn(metaclass=StandInType):
    """An object that remembers how it was made."""

    def __new__(cls, *args, **kwargs):
        made = object.__new__(cls)
        object.__setattr__(made, "_made", (args, dict(kwargs)))
        return made

    def __init__(self, *args, **kwargs):
        object.__setattr__(self, "_made", (args, dict(kwargs)))

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)
        if not name.startswith("_"):
            self._made[1][name] = value

    def __setitem__(self, key, value):
        self._made[1][str(key)] = value

    def __getitem__(self, key):
        return self._made[1][key]

    def get(self, key, default=None):
        return self._made[1].get(key, default)

    def update(self, *args, **kwargs):
        self._made[1].update(*args, **kwargs)

    def tag(self, **_):
        return self

    def __call__(self, *args, **kwargs):
        # A decorator gives back what it is put on.
        if len(args) == 1 and not kwargs and isinstance(args[0], types.FunctionType):
            return args[0]
        return Result("%s(..)(..)" % type(self).__name__)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return Result("%s(..).%s" % (type(self).__name__, name))


class StandInModule(types.ModuleType):
    def __getattr__(self, name):
        if name in ("__version__", "version_info"):
            return {"__version__": "6.0.0", "version_info": (6, 0, 0, "", "")}[name]
        if name == "__all__":
            return wanted_names()
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return importlib.import_module(self.__name__ + "." + name) if name in SUBMODULES else self.made(name)
        except ImportError:
            return self.made(name)

    def made(self, name):
        if name[:1].isupper():
            family = self.__name__.split(".")[0]
            bases = ANCESTORS.get("%s:%s" % (family, name), ANCESTORS.get(name, []))
            base = stand_in_class(family, bases) if bases else StandIn
            value = StandInType(name, (base,), {"__module__": self.__name__, "_stood_in": True})
        else:
            value = Result("%s.%s" % (self.__name__, name))
        setattr(self, name, value)
        return value


def wanted_names():
    """What a program that imports everything of a module may want of it: the names that it reads and nobody has given."""
    frame = sys._getframe(2)
    while frame is not None and (frame.f_code.co_filename.startswith("<frozen") or frame.f_code.co_filename == ME):
        frame = frame.f_back
    if frame is None:
        return []
    tree = PROGRAM.tree(frame.f_code.co_filename)
    had = set(frame.f_globals) | set(frame.f_locals) | set(dir(builtins))
    return sorted(name for name in tree.read - tree.bound - had if not name.startswith("_"))


SUBMODULES = {
    "accelerators", "auth", "config", "handlers", "localinterfaces", "mount", "orm", "proxy", "services", "spawner",
    "swarmspawner", "types", "utils",
}


def stand_in_class(family, names):
    """A class of the first name, derived from those after it."""
    base = stand_in_class(family, names[1:]) if len(names) > 1 else StandIn
    return StandInType(names[0], (base,), {"__module__": family, "_stood_in": True})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what nobody else does."""

    def __init__(self, folders):
        self.folders = folders

    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        parent = sys.modules.get(name.rpartition(".")[0])
        if isinstance(parent, StandInModule):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        if path is not None:
            return None
        # The hub may have been started in the config's folder.
        found = importlib.machinery.PathFinder.find_spec(name, self.folders)
        if found is not None and found.loader is not None:
            return found
        if top in PACKAGES or any(part in top.lower() for part in PATTERNS):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return StandInModule(spec.name)

    def exec_module(self, module):
        module.__path__ = []
        STOOD_IN.append(module.__name__)


def remember(module):
    """Lets objects of an installed docker.types tell how they were made."""
    for name in dir(module):
        kind = getattr(module, name)
        if isinstance(kind, type) and issubclass(kind, dict) and "__init__" in vars(kind):
            wrap(kind)


def wrap(kind):
    init = kind.__init__

    def __init__(self, *args, **kwargs):
        init(self, *args, **kwargs)
        try:
            MADE[id(self)] = (self, kind.__name__, args, dict(kwargs), copy.deepcopy(dict(self)))
        except Exception:
            MADE.pop(id(self), None)

    __init__.__doc__ = init.__doc__
    __init__.__wrapped__ = init
    kind.__init__ = __init__


class DockerLoader(importlib.abc.Loader):
    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        remember(module)


class DockerFinder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "docker.types":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = DockerLoader(spec.loader)
        return spec


