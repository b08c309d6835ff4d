"""A start, form or stop that failed, as JupyterHub shows it."""

from __future__ import annotations

from html import escape
from typing import Any

from tornado import web

try:
    from jupyterhub.spawner import SpawnException  # JupyterHub 6
except ImportError:
    SpawnException = None

# What the codes are in HTTP: the user's to change, or to be tried again later. All others are the operator's.
STATUS = {"refused": 400, "engine-away": 503, "no-node": 503, "timeout": 503}

_Base: Any = SpawnException or web.HTTPError


class Failure(_Base):
    """A result `failed`: its words go to the user, its detail to the log."""

    def __init__(self, event: dict[str, Any]) -> None:
        self.code = str(event.get("code") or "internal")
        self.detail = str(event.get("detail") or "")
        self.left = [str(name) for name in event.get("left") or []]
        words = [str(event.get("message") or "The server could not be started."), str(event.get("hint") or "")]
        # JupyterHub's pages and progress show these; `jupyterhub_html_message` where there is room for more than a line.
        self.jupyterhub_message = f"{' '.join(word for word in words if word)} ({self.code})"
        paragraphs = "".join(f"<p>{escape(word)}</p>" for word in words if word)
        self.jupyterhub_html_message = f"{paragraphs}<p><small>Code: {escape(self.code)}</small></p>"
        status = STATUS.get(self.code, 500)
        if SpawnException:
            super().__init__(
                self.jupyterhub_message,
                reason=self.code,
                message_html=self.jupyterhub_html_message,
                status_code=status,
            )
        else:
            super().__init__(status, self.jupyterhub_message)

    if not SpawnException:
        # JupyterHub 4 and 5 set it for each failed start, and then show a text of their own in place of the message.
        @property
        def reason(self) -> None:
            return None

        @reason.setter
        def reason(self, _value: object) -> None:
            pass
