"""Values as JSON."""

class Encoder:
    """Encodes one setting within bounds, and all of them within the document's."""

    left = DOCUMENT

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
            names = (type(value).__name__, type(error).__name__)
            return opaque("an object of class `%s` that cannot be read: %s" % names)
        finally:
            self.open.discard(id(value))

    def text(self, value):
        value = str.__str__(value)
        if START in value:
            what = value.split(START, 1)[1].split(END, 1)[0]
            return opaque("text made of `%s`, which is not installed" % short(what))
        self.characters -= len(value)
        Encoder.left -= len(value)
        if self.characters < 0 or Encoder.left < 0:
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


