#!/usr/bin/env python3
"""A volume plugin over a unix socket that mounts homes with the real sshfs, as docker-volume-sshfs does.

    plugin.py SOCKET FOLDER

Options of a volume: `sshcmd` (required), one of `password`, `id_rsa` (a key's text) and `identity_file`, `port`,
`ephemeral` (ignored); all others are sshfs's own. A volume is mounted once, however many containers use it.
https://docs.docker.com/engine/extend/plugins_volume/
"""

import http.server
import json
import os
import pathlib
import socketserver
import subprocess
import sys
import threading

CREDENTIALS = ("password", "id_rsa", "identity_file")
FOLDER = pathlib.Path(sys.argv[2])
LOCK = threading.Lock()
volumes = {}


class Refused(Exception):
    pass


class Volume:
    def __init__(self, name, options):
        self.name = name
        self.options = dict(options or {})
        self.users = 0
        self.place = FOLDER / name
        self.key = FOLDER / f"{name}.key"
        if not self.options.get("sshcmd"):
            raise Refused("'sshcmd' option required")
        if sum(bool(self.options.get(key)) for key in CREDENTIALS) != 1:
            raise Refused("exactly one of 'password', 'id_rsa' and 'identity_file' must be set")
        self.place.mkdir(parents=True, exist_ok=True)

    def mount(self):
        if self.users == 0:
            self.start_sshfs()
        self.users += 1

    def start_sshfs(self):
        options = dict(self.options)
        command = ["sshfs", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oNumberOfPasswordPrompts=1"]
        command += [options.pop("sshcmd"), str(self.place)]
        password = options.pop("password", "")
        identity = options.pop("identity_file", "")
        text = options.pop("id_rsa", "")
        if text:
            self.key.touch(0o600)
            self.key.write_text(text)
            identity = self.key
        if port := options.pop("port", ""):
            command += ["-p", port]
        # No credential but the volume's own may open the home.
        if password:
            command += ["-o", "workaround=rename", "-o", "password_stdin", "-oPubkeyAuthentication=no"]
        else:
            command += ["-o", f"IdentityFile={identity}", "-oIdentitiesOnly=yes", "-oPasswordAuthentication=no"]
        options.pop("ephemeral", None)
        for key, value in options.items():
            command += ["-o", f"{key}={value}" if value else key]
        done = subprocess.run(
            command, input=password + "\n", text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, check=False
        )
        if done.returncode != 0:
            raise Refused(f"sshfs command failed ({done.stdout.strip()})")

    def unmount(self):
        self.users -= 1
        if self.users <= 0:
            self.users = 0
            subprocess.run(["umount", str(self.place)], check=True)

    def remove(self):
        if self.users:
            raise Refused(f"volume {self.name} is mounted by {self.users} containers")
        self.key.unlink(missing_ok=True)
        self.place.rmdir()

    def told(self):
        return {"Name": self.name, "Mountpoint": str(self.place)}


def volume(name):
    if name not in volumes:
        raise Refused(f"volume {name} does not exist")
    return volumes[name]


def answer(call, request):
    name = request.get("Name")
    if call == "/Plugin.Activate":
        return {"Implements": ["VolumeDriver"]}
    if call == "/VolumeDriver.Capabilities":
        return {"Capabilities": {"Scope": "local"}}
    if call == "/VolumeDriver.List":
        return {"Volumes": [volume.told() for volume in volumes.values()]}
    if call == "/VolumeDriver.Create":
        volumes[name] = Volume(name, request.get("Opts"))
        return {}
    if call == "/VolumeDriver.Get":
        return {"Volume": volume(name).told()}
    if call == "/VolumeDriver.Path":
        return {"Mountpoint": str(volume(name).place)}
    if call == "/VolumeDriver.Mount":
        volume(name).mount()
        return {"Mountpoint": str(volume(name).place)}
    if call == "/VolumeDriver.Unmount":
        volume(name).unmount()
        return {}
    if call == "/VolumeDriver.Remove":
        volume(name).remove()
        del volumes[name]
        return {}
    raise Refused(f"no call {call}")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = 200
        try:
            with LOCK:
                told = answer(self.path, json.loads(body or b"{}"))
        except (Refused, OSError, subprocess.SubprocessError) as error:
            status, told = 500, {"Err": str(error)}
        content = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.docker.plugins.v1.1+json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def address_string(self):
        return "engine"

    def log_message(self, *_):
        # Requests hold passwords.
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)
# The engine takes the socket for the plugin's as soon as it is there: it has to be listened to by then.
hidden = sys.argv[1] + ".new"
with Server(hidden, Handler) as server:
    os.rename(hidden, sys.argv[1])
    server.serve_forever()
