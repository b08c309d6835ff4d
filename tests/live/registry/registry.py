#!/usr/bin/env python3
"""A registry of images in memory, behind a password, which writes down what it is asked for.

    registry.py PORT USER PASSWORD LOG

It speaks as much of the distribution protocol as the engine needs to push, look up and pull an image. Each line of LOG is a
request: method, path, and who asks (`-` for nobody). A request without the password is refused.
https://distribution.github.io/distribution/spec/api/
"""

import base64
import hashlib
import http.server
import re
import sys
import threading

PORT, USER, PASSWORD, LOG = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
LOCK = threading.Lock()
blobs = {}
manifests = {}
uploads = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def who(self):
        kind, _, text = self.headers.get("Authorization", "").partition(" ")
        return base64.b64decode(text).decode() if kind == "Basic" else "-"

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def serve(self):
        body, who = self.body(), self.who()
        path, _, query = self.path.partition("?")
        with LOCK:
            with open(LOG, "a") as log:
                log.write(f"{self.command} {path} {who.partition(':')[0]}\n")
            if who != f"{USER}:{PASSWORD}":
                return self.answer(401, WWW_Authenticate='Basic realm="stand-in"')
            if path == "/v2/":
                return self.answer(200, b"{}", Content_Type="application/json")
            found = re.fullmatch(r"/v2/(.+)/(blobs/uploads|blobs|manifests)/(.*)", path)
            return self.part(*found.groups(), query, body) if found else self.answer(404)

    def part(self, name, kind, key, query, body):
        if kind == "blobs/uploads":
            return self.upload(name, key, query, body)
        place = manifests if kind == "manifests" else blobs
        if self.command == "PUT":
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            for reference in (key, digest):
                manifests[name, reference] = (self.headers["Content-Type"], digest, body)
            return self.answer(201, Docker_Content_Digest=digest, Location=f"/v2/{name}/manifests/{digest}")
        if (name, key) not in place:
            return self.answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown"}]}')
        kind, digest, content = place[name, key]
        return self.answer(200, content, Content_Type=kind, Docker_Content_Digest=digest)

    def upload(self, name, key, query, body):
        key = key or str(len(uploads))
        uploads[key] = uploads.get(key, b"") + body
        place = f"/v2/{name}/blobs/uploads/{key}"
        if self.command != "PUT":
            end = max(len(uploads[key]) - 1, 0)
            return self.answer(202, Location=place, Range=f"0-{end}", Docker_Upload_UUID=key)
        content = uploads.pop(key)
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        blobs[name, digest] = ("application/octet-stream", digest, content)
        return self.answer(201, Location=f"/v2/{name}/blobs/{digest}", Docker_Content_Digest=digest)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = serve


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
