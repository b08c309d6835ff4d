"""Executes a jupyterhub_config.py as JupyterHub would, and tells what it set.

Read by `python3 -c` from standard input, with FILE and SECONDS as arguments. One JSON document goes to what was standard
output; what the config itself prints goes to standard error. Python 3.7 or later, and its standard library only.
"""

import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import signal
import sys
import threading
import time
import types

ME = "<swarmgen>"
# A dict is three levels of the JSON, whose reader has a bound.
DEPTH = 36
VALUES = 200000
CHARACTERS = 16 << 20

# Classes and what they are derived from, where that is known without the package.
ANCESTORS = {
    "SwarmSpawner": ["Spawner"],
    "DockerSpawner": ["Spawner"],
    "SystemUserSpawner": ["DockerSpawner", "Spawner"],
    "dockerspawner:SwarmSpawner": ["DockerSpawner", "Spawner"],
}

# What JupyterHub and the spawners call them in `spawner_class`.
ENTRY_POINTS = {
    "swarm": ("jhub", "SwarmSpawner"),
    "docker": ("dockerspawner", "DockerSpawner"),
    "docker-swarm": ("dockerspawner", "SwarmSpawner"),
    "docker-system-user": ("dockerspawner", "SystemUserSpawner"),
    "localprocess": ("jupyterhub.spawner", "LocalProcessSpawner"),
    "simple": ("jupyterhub.spawner", "SimpleLocalProcessSpawner"),
}

# Packages that are stood in for if they are missing: what configs import for its names alone.
PACKAGES = {
    "batchspawner",
    "cassinyspawner",
    "docker",
    "dockerspawner",
    "jhub",
    "jhubauthenticators",
    "jupyter_client",
    "jupyter_core",
    "jupyter_server",
    "jupyter_server_proxy",
    "jupyterhub",
    "kubespawner",
    "ldapauthenticator",
    "nativeauthenticator",
    "netifaces",
    "notebook",
    "oauthenticator",
    "sudospawner",
    "systemdspawner",
    "tornado",
    "traitlets",
    "wrapspawner",
}
PATTERNS = ("authenticator", "spawner", "jupyterhub", "jhub", "_auth")

# Traits of lists and dicts that are not empty to begin with.
DEFAULTS = {
    "images": [{"image": "ucphhpc/base-notebook:latest", "name": "Image with default plugins"}],
    "allowed_user_upload_extensions": [".txt"],
    "env_keep": [
        "JUPYTERHUB_SINGLEUSER_APP",
        "PATH",
        "PYTHONPATH",
        "CONDA_ROOT",
        "CONDA_DEFAULT_ENV",
        "VIRTUAL_ENV",
        "LANG",
        "LC_ALL",
    ],
}

MUTATORS = {
    "add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "prepend", "remove", "reverse",
    "setdefault", "sort", "update",
}


# --- where -------------------------------------------------------------------------------------------------------------

LIBRARY = tuple(
    {os.path.dirname(os.path.abspath(module.__file__)) + os.sep for module in (os, json, copy) if module.__file__}
)


class Program:
    """The files that were run as configs, and what their texts say."""

    def __init__(self):
        self.files = []
        self.trees = {}
        self.missing = []
        self.printed = None

    def tree(self, file):
        if file not in self.trees:
            try:
                with open(file, "rb") as opened:
                    self.trees[file] = Tree(ast.parse(opened.read()))
            except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
                self.trees[file] = Tree(None)
        return self.trees[file]


class Tree:
    """Where a program's text changes values in place and defines classes."""

    def __init__(self, tree):
        self.mutated = {}
        self.classes = {}
        for node in ast.walk(tree) if tree else ():
            targets = []
            if isinstance(node, (ast.Assign, ast.Delete)):
                targets = node.targets
            elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
                targets = [node.target]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
                targets = [node.func]
            elif isinstance(node, ast.ClassDef):
                self.classes[node.name] = (node.lineno, self.members(node))
            names = {part.attr for target in targets for part in ast.walk(target) if isinstance(part, ast.Attribute)}
            names |= {
                part.value if isinstance(part, ast.Constant) else part.s
                for target in targets
                for part in ast.walk(target)
                if isinstance(part, (ast.Constant, getattr(ast, "Str", ast.Constant)))
                and isinstance(getattr(part, "value", getattr(part, "s", None)), str)
            } if targets else set()
            if names:
                for line in range(node.lineno, (getattr(node, "end_lineno", None) or node.lineno) + 1):
                    self.mutated.setdefault(line, set()).update(names)

    @staticmethod
    def members(node):
        lines = {}
        for part in node.body:
            if isinstance(part, ast.Assign):
                for target in part.targets:
                    if isinstance(target, ast.Name):
                        lines[target.id] = part.lineno
            elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                lines[part.target.id] = part.lineno
            elif isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines[part.name] = part.lineno
        return lines


PROGRAM = Program()


def here():
    """The file and line of the operator's program that is being run."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name in PROGRAM.files:
            return name, frame.f_lineno
        if name != ME and not name.startswith(("<",) + LIBRARY) and "site-packages" not in name:
            return name, frame.f_lineno
        frame = frame.f_back
    return None


# --- what is set -------------------------------------------------------------------------------------------------------


class Clock:
    now = 0

    @classmethod
    def tick(cls):
        cls.now += 1
        return cls.now


class Mark:
    """When something was set first, and where last."""

    def __init__(self):
        self.order = Clock.tick()
        self.place = here()

    def again(self):
        self.place = here() or self.place


class LazyConfigValue:
    """What a container that was not set yet is to be changed by, as in traitlets."""

    def __init__(self):
        self._extend, self._prepend, self._inserts, self._update, self._mark = [], [], [], None, None

    def _touch(self):
        if self._mark is None:
            self._mark = Mark()
        self._mark.again()

    def append(self, obj):
        self._touch()
        self._extend.append(obj)

    def extend(self, other):
        self._touch()
        self._extend.extend(other)

    def prepend(self, other):
        self._touch()
        self._prepend[:0] = other

    def insert(self, index, other):
        if not isinstance(index, int):
            raise TypeError("An integer is required")
        self._touch()
        self._inserts.append((index, other))

    def update(self, other):
        self._touch()
        if self._update is None:
            self._update = {} if isinstance(other, dict) else set()
        self._update.update(other)

    def add(self, obj):
        self.update({obj})

    def merge_into(self, other):
        if not isinstance(other, LazyConfigValue):
            return self.get_value(other)
        self._extend = other._extend + self._extend
        self._prepend = self._prepend + other._prepend
        self._inserts = other._inserts + self._inserts
        if self._update is not None and other._update is not None:
            merged = copy.copy(other._update)
            merged.update(self._update)
            self._update = merged
        elif other._update is not None:
            self._update = other._update
        return self

    def get_value(self, initial):
        if isinstance(initial, (list, dict, set)):
            value = copy.copy(initial)
        elif isinstance(self._update, dict):
            value = {}
        elif self._update is not None:
            value = set()
        else:
            value = []
        if isinstance(value, list):
            for index, obj in self._inserts:
                value.insert(index, obj)
            value[:0] = self._prepend
            value.extend(self._extend)
        elif self._update:
            value.update(self._update)
        return value

    def is_used(self):
        return self._mark is not None


def is_section(key):
    return bool(key and isinstance(key, str) and key[0].upper() == key[0] and not key.startswith("_"))


class Config(dict):
    """traitlets' Config, which remembers where its values come from."""

    def __init__(self, *args, **kwargs):
        object.__setattr__(self, "__marks", {})
        dict.__init__(self)
        self.update(*args, **kwargs)

    def _marks(self):
        return object.__getattribute__(self, "__marks")

    def has_key(self, key):
        return key in self

    def __contains__(self, key):
        if isinstance(key, str) and "." in key:
            first, rest = key.split(".", 1)
            return first in self and rest in self[first]
        return dict.__contains__(self, key)

    def copy(self):
        return copy.copy(self)

    def __copy__(self):
        made = Config()
        made.merge(self)
        return made

    def __deepcopy__(self, memo):
        made = Config()
        for key, value in dict.items(self):
            dict.__setitem__(made, key, copy.deepcopy(value, memo))
        made._marks().update(self._marks())
        return made

    def __getitem__(self, key):
        if dict.__contains__(self, key):
            value = dict.__getitem__(self, key)
            mark = self._marks().get(key)
            if mark is not None and not isinstance(value, Config):
                place = here()
                if place and key in PROGRAM.tree(place[0]).mutated.get(place[1], ()):
                    mark.place = place
            return value
        if is_section(key):
            value = Config()
        elif isinstance(key, str) and not key.startswith("_"):
            value = LazyConfigValue()
        else:
            raise KeyError(key)
        dict.__setitem__(self, key, value)
        return value

    def get(self, key, default=None):
        return self[key] if dict.__contains__(self, key) else default

    def __setitem__(self, key, value):
        if is_section(key):
            if not isinstance(value, Config):
                if not isinstance(value, dict):
                    raise ValueError(
                        "values whose keys begin with an uppercase char must be Config instances: %r" % (key,)
                    )
                value = Config(value)
            dict.__setitem__(self, key, value)
            return
        mark = self._marks().get(key)
        if mark is None:
            lazy = dict.get(self, key)
            mark = lazy._mark if isinstance(lazy, LazyConfigValue) and lazy._mark else Mark()
            self._marks()[key] = mark
        mark.again()
        dict.__setitem__(self, key, value)

    def __delitem__(self, key):
        dict.__delitem__(self, key)
        self._marks().pop(key, None)

    def __getattr__(self, key):
        if key.startswith("__"):
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError as error:
            raise AttributeError(error) from error

    def __setattr__(self, key, value):
        if key.startswith("__"):
            dict.__setattr__(self, key, value)
        else:
            self[key] = value

    def __delattr__(self, key):
        try:
            del self[key]
        except KeyError as error:
            raise AttributeError(error) from error

    def update(self, *args, **kwargs):
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def setdefault(self, key, default=None):
        if not dict.__contains__(self, key):
            self[key] = default
        return self[key]

    def pop(self, key, *default):
        self._marks().pop(key, None)
        return dict.pop(self, key, *default)

    def popitem(self):
        key, value = dict.popitem(self)
        self._marks().pop(key, None)
        return key, value

    def clear(self):
        dict.clear(self)
        self._marks().clear()

    def merge(self, other):
        for key, value in dict.items(other):
            mine = dict.get(self, key)
            if isinstance(value, Config) or (is_section(key) and isinstance(value, dict)):
                if not isinstance(mine, Config):
                    mine = Config()
                    dict.__setitem__(self, key, mine)
                mine.merge(value)
                continue
            mark = other._marks().get(key) if isinstance(other, Config) else None
            if isinstance(value, LazyConfigValue):
                mark = value._mark
                if mine is not None:
                    value = value.merge_into(mine)
                    if isinstance(value, LazyConfigValue) and mark is None:
                        value._mark = mine._mark
            mark = mark or Mark()
            if key in self._marks():
                self._marks()[key].place = mark.place
            elif not isinstance(value, LazyConfigValue):
                self._marks()[key] = mark
            dict.__setitem__(self, key, value)

    _merge = merge

    def settings(self, path=""):
        """Every class, name, value and mark."""
        for key, value in dict.items(self):
            if isinstance(value, Config):
                for found in value.settings(path + "." + key if path else key):
                    yield found
            elif not isinstance(value, LazyConfigValue):
                yield path, key, value, self._marks().get(key) or Mark()
            elif value.is_used():
                yield path, key, value, value._mark


# --- what is not installed ---------------------------------------------------------------------------------------------

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


# --- values as JSON ----------------------------------------------------------------------------------------------------


class Encoder:
    def __init__(self):
        self.values = VALUES
        self.characters = CHARACTERS
        self.open = set()

    def value(self, value, depth=0):
        self.values -= 1
        if self.values < 0:
            return opaque("a value too large to import")
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bool):
            return bool(value)
        if isinstance(value, int):
            value = int(value)
            return value if -(1 << 63) <= value < 1 << 63 else opaque("an integer beyond 64 bits")
        if isinstance(value, float):
            value = float(value)
            return value if value - value == 0 else opaque("a float that is no finite number")
        if depth > DEPTH:
            return opaque("nested too deep")
        if id(value) in self.open:
            return opaque("a value that holds itself")
        self.open.add(id(value))
        try:
            return self.container(value, depth + 1)
        except Exception as error:
            return opaque("an object of class `%s` that cannot be read: %s" % (type(value).__name__, type(error).__name__))
        finally:
            self.open.discard(id(value))

    def text(self, value):
        value = str.__str__(value)
        if START in value:
            what = value.split(START, 1)[1].split(END, 1)[0]
            return opaque("text made of `%s`, which is not installed" % short(what))
        self.characters -= len(value)
        if self.characters < 0:
            return opaque("a text too long to import")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return opaque("text that is not Unicode")
        return value

    def container(self, value, depth):
        if isinstance(value, Result):
            return opaque("`%s`, which is not installed" % short(value._what))
        if isinstance(value, StandIn):
            args, kwargs = value._made
            known = [kind.__name__ for kind in type(value).__mro__ if "_stood_in" in vars(kind)]
            return self.object(known[0] if known else type(value).__name__, args, kwargs, depth)
        if isinstance(value, type):
            return opaque("class `%s`" % short(value.__name__))
        if isinstance(value, LazyConfigValue):
            return self.value(value.get_value(None), depth)
        if isinstance(value, dict):
            return self.mapping(value, depth)
        if isinstance(value, list):
            return [self.value(item, depth) for item in list.__iter__(value)]
        if isinstance(value, tuple):
            return {"py": "tuple", "items": [self.value(item, depth) for item in tuple.__iter__(value)]}
        if isinstance(value, os.PathLike):
            return self.value(os.fspath(value), depth)
        config = getattr(value, "_mount_config", None)
        if isinstance(config, dict):
            return self.object(known_name(type(value)), (config,), {}, depth)
        return opaque(what(value))

    def mapping(self, value, depth):
        made = MADE.get(id(value))
        if made is not None and made[0] is value:
            if made[4] == dict(value):
                return self.object(made[1], made[2], made[3], depth)
            return self.object(made[1], (), dict(value), depth)
        if (getattr(type(value), "__module__", None) or "").split(".")[0] == "docker":
            return self.object(type(value).__name__, (), dict(value), depth)
        pairs = [[self.value(key, depth), self.value(item, depth)] for key, item in dict.items(value)]
        return {"py": "dict", "items": pairs}

    def object(self, name, args, kwargs, depth):
        return {
            "py": "object",
            "class": short(name),
            "args": [self.value(item, depth) for item in args],
            "kwargs": [[str(key), self.value(item, depth)] for key, item in kwargs.items()],
        }


def opaque(text):
    return {"py": "opaque", "what": text}


def short(text, most=200):
    """One line that JSON and a terminal can take."""
    text = " ".join(str(text).split())
    text = text.replace(START, "").replace(END, "").encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= most else text[: most - 2] + ".."


def known_name(kind):
    for base in kind.__mro__:
        if (getattr(base, "__module__", None) or "").split(".")[0] in PACKAGES:
            return base.__name__
    return kind.__name__


def what(value):
    """What something is that no config can hold; never what is in it."""
    name = short(getattr(value, "__name__", "") or "")
    if isinstance(value, types.FunctionType) and name == "<lambda>":
        return "a lambda"
    if isinstance(value, types.FunctionType) or isinstance(value, types.BuiltinFunctionType):
        return "function `%s`" % name
    if isinstance(value, types.MethodType):
        return "method `%s`" % name
    if isinstance(value, (classmethod, staticmethod)):
        return "method `%s`" % short(getattr(value.__func__, "__name__", ""))
    if isinstance(value, property):
        return "a property"
    if hasattr(type(value), "_init_call"):
        return "a method that traitlets calls"
    if isinstance(value, types.ModuleType):
        return "module `%s`" % name
    if isinstance(value, (bytes, bytearray)):
        return "bytes"
    if isinstance(value, (set, frozenset)):
        return "a set"
    if isinstance(value, complex):
        return "a complex number"
    return "an object of class `%s`" % short(type(value).__name__)


# --- the spawner -------------------------------------------------------------------------------------------------------


def is_own(kind):
    """Whether the operator wrote the class."""
    top = (getattr(kind, "__module__", None) or "").split(".")[0]
    return "_stood_in" not in vars(kind) and kind not in (StandIn, object) and top not in PACKAGES


def find_class(text):
    """The class of a name as JupyterHub finds it; None if it cannot be imported."""
    module, name = ENTRY_POINTS.get(text.lower(), (None, None))
    if module is None:
        module, _, name = text.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name) if module else None
    except Exception:
        kind = None
    return (module, name, kind if isinstance(kind, type) else None)


def class_lines(kind):
    files = list(PROGRAM.files)
    module = sys.modules.get(kind.__module__ or "")
    if getattr(module, "__file__", None):
        files.insert(0, module.__file__)
    for file in files:
        found = PROGRAM.tree(file).classes.get(kind.__name__)
        if found:
            return file, found[0], found[1]
    return None, 0, {}


def default_of(value):
    """The default of a trait that a class declares; anything else as it is."""
    kind = type(value)
    if isinstance(value, StandIn) and kind.__module__.split(".")[0] == "traitlets":
        args, kwargs = value._made
        return kwargs["default_value"] if "default_value" in kwargs else (args[0] if args else None)
    if "traitlets" in (kind.__module__ or "") and hasattr(value, "default_value"):
        return value.default_value
    return value


def is_code(value):
    """Whether a class's attribute is a function, perhaps one that `@default` or `@observe` was put on."""
    return isinstance(value, types.FunctionType) or hasattr(type(value), "_init_call")


def class_settings(kind):
    """What a class of the operator sets, the nearest one first: class, name, value, place."""
    seen = set()
    for base in kind.__mro__:
        if not is_own(base):
            continue
        file, line, members = class_lines(base)
        for name, value in vars(base).items():
            if name in seen or (name.startswith("_") and not is_code(value)):
                continue
            if name.startswith("__") and name != "__init__":
                continue
            seen.add(name)
            if isinstance(value, type):
                continue
            if name == "__init__" and name not in members:
                continue
            yield base.__name__, name, default_of(value), (file, members.get(name, line)) if file else None


def spawner(config):
    """The spawner's class: its description, and the names of the classes whose settings it takes, derived ones first."""
    hub = dict.get(config, "JupyterHub")
    chosen = dict.get(hub, "spawner_class") if isinstance(hub, Config) else None
    if chosen is None or isinstance(chosen, LazyConfigValue):
        return None, None, ["SwarmSpawner", "DockerSpawner", "Spawner"]
    place = hub._marks()["spawner_class"].place if "spawner_class" in hub._marks() else None
    if isinstance(chosen, str):
        module, name, kind = find_class(chosen)
    elif isinstance(chosen, type):
        module, name, kind = chosen.__module__, chosen.__name__, chosen
    else:
        return None, None, ["SwarmSpawner", "DockerSpawner", "Spawner"]
    if kind is None:
        top = (module or "").split(".")[0]
        names = [name] + ANCESTORS.get("%s:%s" % (top, name), ANCESTORS.get(name, ["Spawner"]))
        known = [[name, module or ""] for name in names]
    else:
        if isinstance(chosen, str):
            module = kind.__module__ or module
        known = [[base.__name__, base.__module__ or ""] for base in kind.__mro__ if base not in (object, StandIn)]
        if not any(name == "Spawner" for name, _ in known):
            known.append(["Spawner", "jupyterhub.spawner"])
        names = [name for name, _ in known]
    file, line, _ = class_lines(kind) if kind is not None and is_own(kind) else (None, 0, {})
    described = {
        "name": short(name),
        "module": short(module or ""),
        "bases": [[short(part) for part in base] for base in known],
        "own": [short(base.__name__) for base in kind.__mro__ if is_own(base)] if kind is not None else [],
        "file": place[0] if place else None,
        "line": place[1] if place else 0,
        "class_file": file,
        "class_line": line,
    }
    return described, kind, names


def collect(config):
    """Every setting, in the order of first setting; what a more derived class overrides is left out."""
    described, kind, order = spawner(config)
    found = list(config.settings())
    rank = {name: index for index, name in reversed(list(enumerate(order)))}
    chosen = {}
    for setting in found:
        if setting[0] in rank:
            chosen.setdefault(setting[1], []).append(setting)
    declared = {name: (owner, value, place) for owner, name, value, place in (class_settings(kind) if kind else ())}
    rows = []
    for group in chosen.values():
        group.sort(key=lambda setting: rank[setting[0]])
        owner, name, value, mark = group[0]
        lazies = []
        for _, _, value, _ in group:
            if not isinstance(value, LazyConfigValue):
                break
            lazies.append(value)
        else:
            value = declared.get(name, (None, DEFAULTS.get(name), None))[1]
        for lazy in reversed(lazies):
            value = lazy.get_value(value)
        rows.append((group[0][3].order, owner, name, value, mark.place))
        declared.pop(name, None)
    for owner, name, value, mark in found:
        if owner not in rank:
            if isinstance(value, LazyConfigValue):
                value = value.get_value(None)
            rows.append((mark.order, owner, name, value, mark.place))
    rows.sort(key=lambda row: row[0])
    own = [(0, owner, name, value, place) for name, (owner, value, place) in declared.items()]
    encoder = Encoder()
    settings = []
    for _, owner, name, value, place in own + rows:
        encoded = encoder.value(value)
        settings.append(
            {
                "class": short(owner),
                "name": short(name),
                "value": encoded,
                "file": place[0] if place else None,
                "line": place[1] if place else 0,
            }
        )
    return settings, described


# --- running -----------------------------------------------------------------------------------------------------------


class NotFound(Exception):
    pass


def find(name, folders):
    name = str(name).strip('"').strip("'")
    if os.path.isabs(name) and os.path.isfile(name):
        return name
    for folder in folders:
        tried = os.path.expandvars(os.path.expanduser(os.path.join(str(folder), name)))
        if os.path.isfile(tried):
            return os.path.abspath(tried)
    raise NotFound(name)


def load(file, path):
    config = Config()

    def load_subconfig(fname, path=path):
        folders = [""] if path is None else [path] if isinstance(path, (str, os.PathLike)) else list(path)
        try:
            # JupyterHub looks where it was started, which the config's folder stands for.
            found = find(fname, folders + [os.path.dirname(file)])
        except NotFound:
            place = here() or (file, 0)
            PROGRAM.missing.append({"name": short(fname), "file": place[0], "line": place[1]})
            return
        config.merge(load(found, path))

    PROGRAM.files.append(file)
    namespace = {"c": config, "load_subconfig": load_subconfig, "get_config": lambda: config, "__file__": file}
    with open(file, "rb") as opened:
        text = opened.read()
    exec(compile(text, file, "exec"), namespace, namespace)
    return config


def failure(error):
    """What is wrong, and the line of the config that led there."""
    told = {"type": type(error).__name__, "message": "", "file": None, "line": 0, "column": 0, "through": []}
    try:
        told["message"] = short(error)
    except Exception:
        pass
    frames = []
    walk = error.__traceback__
    while walk is not None:
        frames.append((walk.tb_frame.f_code.co_filename, walk.tb_lineno, walk.tb_frame))
        walk = walk.tb_next
    for file, line, _ in frames:
        if file in PROGRAM.files:
            told["file"], told["line"] = file, line
    inner = [(file, line) for file, line, _ in frames if not file.startswith(("<",) + LIBRARY)]
    if inner and inner[-1][0] != told["file"] and os.path.isfile(inner[-1][0]):
        told["through"] = [inner[-1][0], inner[-1][1]]
    told["kind"] = "raised"
    if isinstance(error, SyntaxError):
        told["message"] = short(error.msg)
        if error.filename in PROGRAM.files or told["file"] is None:
            told["kind"] = "syntax"
            told["file"], told["line"], told["column"] = error.filename, error.lineno or 0, error.offset or 0
        elif error.filename:
            told["through"] = [str(error.filename), error.lineno or 0]
    elif isinstance(error, SystemExit):
        told["kind"] = "exit"
        told["message"] = short(error.code)
    elif isinstance(error, ModuleNotFoundError):
        told["kind"] = "missing-module"
        told["message"] = short(error.name or error)
    elif isinstance(error, KeyError) and frames and frames[-1][2].f_locals.get("self") is os.environ:
        told["kind"] = "missing-variable"
        told["message"] = short(error.args[0] if error.args else "")
    elif isinstance(error, FileNotFoundError) and error.filename is not None:
        told["kind"] = "missing-file"
        told["message"] = short(error.filename)
    elif isinstance(error, (PermissionError, IsADirectoryError)) and error.filename is not None:
        told["kind"] = "unreadable-file"
        told["message"] = short(error.filename)
    elif isinstance(error, KeyboardInterrupt):
        told["kind"] = "interrupted"
    return told


class Printed:
    """Standard output, which tells who writes to it first."""

    def __init__(self, stream):
        object.__setattr__(self, "_stream", stream)

    def write(self, text):
        if PROGRAM.printed is None and text:
            place = here()
            if place:
                PROGRAM.printed = {"file": place[0], "line": place[1]}
        return self._stream.write(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def __setattr__(self, name, value):
        setattr(self._stream, name, value)


class Channel:
    """Where the one document goes."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.lock = threading.Lock()

    def end(self, document):
        """Writes the document and ends this process and those that it started."""
        if not self.lock.acquire(False):
            time.sleep(3600)
        text = json.dumps(document, allow_nan=False).encode("ascii") + b"\n"
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except Exception:
            pass
        while text:
            text = text[os.write(self.descriptor, text) :]
        os.close(self.descriptor)
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            # Nothing that the config started stays behind.
            os.killpg(0, signal.SIGKILL)
        os._exit(0)


def document(settings=(), described=None, error=None):
    return {
        "version": 1,
        "python": "%d.%d.%d" % sys.version_info[:3],
        "settings": list(settings),
        "spawner": described,
        "stood_in_for": sorted(set(name for name in STOOD_IN)),
        "files": list(PROGRAM.files),
        "missing": PROGRAM.missing,
        "printed": PROGRAM.printed,
        "error": error,
    }


def watch(channel, seconds, parent, main):
    """Ends a config that takes too long, or whose importer has gone."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(0.2, max(0.01, end - time.monotonic())))
        if hasattr(os, "getppid") and os.getppid() != parent and hasattr(os, "killpg"):
            if os.getpgrp() == os.getpid():
                os.killpg(0, signal.SIGKILL)
            os._exit(1)
    frame = sys._current_frames().get(main)
    place = (None, 0)
    while frame is not None:
        if frame.f_code.co_filename in PROGRAM.files:
            place = (frame.f_code.co_filename, frame.f_lineno)
            break
        frame = frame.f_back
    error = {"type": "", "message": "", "file": place[0], "line": place[1], "column": 0, "through": [], "kind": "timeout"}
    channel.end(document(error=error))


def main():
    file, seconds = sys.argv[1], float(sys.argv[2])
    # The config reads nothing, and what it prints is not the result.
    channel = Channel(os.dup(1))
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    sys.dont_write_bytecode = True
    sys.argv[:] = ["jupyterhub", "-f", file]
    if sys.path[:1] == [""]:
        # The folder of the `jupyterhub` command stands here, from which nothing is imported.
        del sys.path[0]
    sys.stdout = Printed(sys.stdout)
    started = os.getppid() if hasattr(os, "getppid") else 0
    watching = threading.Thread(target=watch, args=(channel, seconds, started, threading.get_ident()), daemon=True)
    watching.start()
    try:
        full = find(file, [""])
    except NotFound:
        told = {"type": "", "message": short(file), "file": None, "line": 0, "column": 0, "through": []}
        channel.end(document(error=dict(told, kind="no-config")))
    sys.meta_path.insert(0, DockerFinder())
    sys.meta_path.append(Finder([os.getcwd(), os.path.dirname(full)]))
    settings, described, error = [], None, None
    try:
        config = load(full, None)
        settings, described = collect(config)
    except BaseException as raised:
        error = failure(raised)
        raised.__traceback__ = None
    channel.end(document(settings, described, error))


main()
