"""What templates may know of the hub's user: the names that the config lists, and of them only plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# What JupyterHub's own user objects hold.
INTERNAL = frozenset({"db", "log", "orm_user", "settings", "spawners"})
DEPTH = 8


def named(names: Iterable[str], auth_state: Any, user: Any) -> dict[str, Any]:
    """The values of the listed names: of the auth state, else what a hook or authenticator has set on the user.

    A name that is nowhere is left out: only a template that needs it is then an error. Raises `ValueError` for what is no
    plain value, as JupyterHub's objects, which know each other and all secrets, are not.
    """
    state = auth_state if isinstance(auth_state, Mapping) else {}
    own = {
        name: value
        for name, value in vars(user).items()
        if not name.startswith("_") and name not in INTERNAL and not hasattr(type(user), name)
    }
    found = {}
    for name in names:
        for source in (state, own):
            if name in source:
                found[name] = _plain(name, source[name], DEPTH)
                break
    return found


def _plain(place: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth > 0 and isinstance(value, Mapping):
        return {str(key): _plain(f"{place}.{key}", entry, depth - 1) for key, entry in value.items()}
    if depth > 0 and isinstance(value, (list, tuple)):
        return [_plain(place, entry, depth - 1) for entry in value]
    raise ValueError(f"user_format_attributes: {place} is a {type(value).__name__}, not a plain value")
