"""Executes a jupyterhub_config.py as JupyterHub would, and tells what it set.

Read by `python3 -c` from standard input, with FILE and SECONDS as arguments. One JSON document goes to what was
standard output; what the config itself prints goes to standard error. Python 3.7 or later, and its standard library
only. The files of this folder are one program: settings, modules, values, run.
"""

import ast
import builtins
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
CHARACTERS = 1 << 20
DOCUMENT = 8 << 20

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
    "images": [{"image": "ucphhpc/base-notebook:latest", "name": "Default Jupyter Notebook"}],
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


# --- where ---

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
        # The names that it reads, and those that it gives a meaning somewhere.
        self.read = set()
        self.bound = set()
        for node in ast.walk(tree) if tree else ():
            self.names(node)
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

    def names(self, node):
        if isinstance(node, ast.Name):
            (self.read if isinstance(node.ctx, ast.Load) else self.bound).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.bound.add(node.name)
        elif isinstance(node, ast.arg):
            self.bound.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            self.bound.add(node.name)
        elif isinstance(node, ast.alias):
            self.bound.add((node.asname or node.name).split(".")[0])

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


# --- what is set ---


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


