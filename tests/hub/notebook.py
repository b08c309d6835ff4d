"""A user's notebook server through the proxy: files, and cells in a kernel over its websocket."""

from __future__ import annotations

import asyncio
import json
import urllib.request
import uuid
from typing import Any
from urllib.parse import quote

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from client import Answer, _send


class Notebook:
    """A running server, asked with a token of its user's own."""

    def __init__(self, url: str, path: str, token: str) -> None:
        self.url = f"{url}{path}".rstrip("/")
        self.token = token

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 60) -> Answer:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/{path}", data=content, method=method)
        request.add_header("Authorization", f"token {self.token}")
        return _send(urllib.request.build_opener(), request, timeout)

    def write(self, name: str, text: str) -> None:
        answer = self.ask("PUT", f"contents/{quote(name)}", {"type": "file", "format": "text", "content": text})
        assert answer.status in (200, 201), answer

    def read(self, name: str) -> str:
        answer = self.ask("GET", f"contents/{quote(name)}")
        assert answer.status == 200, answer
        return str(answer.json["content"])

    def run(self, code: str, seconds: float = 60) -> str:
        """Runs a cell in a new kernel, and gives what it printed."""
        answer = self.ask("POST", "kernels", {"name": "python3"})
        assert answer.status == 201, answer
        kernel = answer.json["id"]
        try:
            return asyncio.run(asyncio.wait_for(self._cell(kernel, code), seconds))
        finally:
            self.ask("DELETE", f"kernels/{kernel}")

    async def _cell(self, kernel: str, code: str) -> str:
        address = self.url.replace("http", "ws", 1)
        headers = {"Authorization": f"token {self.token}"}
        socket = await websocket_connect(HTTPRequest(f"{address}/api/kernels/{kernel}/channels", headers=headers))
        header = {"msg_id": uuid.uuid4().hex, "session": uuid.uuid4().hex, "msg_type": "execute_request"}
        header |= {"username": "", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell", "buffers": []}
        await socket.write_message(json.dumps(message))
        printed = ""
        while True:
            text = await socket.read_message()
            assert text is not None, "the kernel's websocket was closed"
            got = json.loads(text)
            if got["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            kind, content = got["msg_type"], got["content"]
            if kind == "stream":
                printed += content["text"]
            elif kind == "error":
                raise AssertionError("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                socket.close()
                return printed
