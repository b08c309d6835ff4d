"""The spawner, and the run itself."""

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
    """The spawner's class: described, itself, and the names of those whose settings it takes, derived ones first."""
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
    settings = []
    for _, owner, name, value, place in own + rows:
        encoded = Encoder().value(value)
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


# --- running ---


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


def no_exception(kind, message, place):
    file, line = place
    return {"kind": kind, "type": "", "message": message, "file": file, "line": line, "column": 0, "through": []}


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


VERSION = [None]


def spawner_version():
    """The version of the installed jhub-swarmspawner; None if it is not there or does not say."""
    try:
        from importlib import metadata
    except ImportError:
        metadata = None
    for name in ("jhub-swarmspawner", "jhub_swarmspawner") if metadata else ():
        try:
            return short(metadata.version(name))
        except Exception:
            pass
    # A copy without a record of its installation.
    module = sys.modules.get("jhub")
    if module is None or isinstance(module, StandInModule):
        return None
    try:
        version = vars(module).get("__version__") or vars(importlib.import_module("jhub._version"))["__version__"]
    except Exception:
        return None
    return short(version) if isinstance(version, str) else None


def document(settings=(), described=None, error=None):
    return {
        "version": 1,
        "python": "%d.%d.%d" % sys.version_info[:3],
        "settings": list(settings),
        "spawner": described,
        "spawner_version": VERSION[0],
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
    channel.end(document(error=no_exception("timeout", "", place)))


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
        channel.end(document(error=no_exception("no-config", short(file), (None, 0))))
    sys.meta_path.insert(0, DockerFinder())
    sys.meta_path.append(Finder([os.getcwd(), os.path.dirname(full)]))
    settings, described, error = [], None, None
    try:
        config = load(full, None)
        settings, described = collect(config)
        VERSION[0] = spawner_version()
    except BaseException as raised:
        error = failure(raised)
        raised.__traceback__ = None
    channel.end(document(settings, described, error))


main()
