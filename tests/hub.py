"""A small Hugging Face hub on loopback, which can fail in every way that tests ask for."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LARGE = (".onnx", ".onnx_data", ".safetensors", ".bin")  # kept by SHA-256, as LFS does


def etag_of(name: str, content: bytes) -> str:
    if name.endswith(_LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass
class Repo:
    """Commits of one model; branches and tags by name. The last commit is main."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], *refs: str) -> str:
        sha = hashlib.sha256(repr((len(self.commits), sorted(files))).encode()).hexdigest()[:40]
        self.commits[sha] = files
        self.refs.update(dict.fromkeys(("main", *refs), sha))
        return sha


@dataclass
class Hub:
    """What the server has, what it was asked for, and how it is to fail."""

    endpoint: str
    repos: dict[str, Repo] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # "METHOD path" of each request
    corrupt: set[str] = field(default_factory=set)  # names whose bytes are changed on the way
    cut: dict[str, int] = field(default_factory=dict)  # names: how often the line breaks midway
    status: dict[str, tuple[int, str]] = field(default_factory=dict)  # pattern: status, code

    def add(self, model: str, source: Path | dict[str, bytes], *refs: str) -> str:
        """Commit the files of a directory, or these, as a model's newest."""
        if not isinstance(source, dict):
            source = {
                path.relative_to(source).as_posix(): path.read_bytes()
                for path in source.rglob("*")
                if path.is_file()
            }
        return self.repos.setdefault(model, Repo()).commit(source, *refs)

    def files(self, method: str = "GET") -> list[str]:
        """Names of the files that were asked for."""
        found = (re.fullmatch(rf"{method} .*/resolve/[^/]+/(.*)", line) for line in self.asked)
        return [match[1] for match in found if match]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = Hub(f"http://127.0.0.1:{self.server_address[1]}")

    def handle_error(self, *_: Any) -> None:
        """Clients that leave early are no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    @property
    def hub(self) -> Hub:
        assert isinstance(self.server, _Server)
        return self.server.hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        line = f"{self.command} {unquote(path)}"
        self.hub.asked.append(line)
        for pattern, (status, code) in self.hub.status.items():
            if re.search(pattern, line):
                self.fail(status, code)
                return
        api = re.fullmatch(r"/api/models/(?P<id>.+?)(?:/revision/(?P<revision>.+))?", path)
        match = api or re.fullmatch(r"/(?P<id>.+?)/resolve/(?P<revision>[^/]+)/(?P<name>.+)", path)
        repo = self.hub.repos.get(match["id"]) if match else None
        if match is None or repo is None:
            self.fail(401, "RepoNotFound")
            return
        revision = unquote(match["revision"] or "main")
        sha = repo.refs.get(revision, revision)
        if sha not in repo.commits:
            self.fail(404, "RevisionNotFound")
        elif api:
            names = [{"rfilename": name} for name in repo.commits[sha]]
            body = json.dumps({"id": match["id"], "sha": sha, "siblings": names}).encode()
            self.send(200, {"Content-Type": "application/json"}, body)
        elif match["name"] not in repo.commits[sha]:
            self.fail(404, "EntryNotFound")
        else:
            self.send_file(match["name"], sha, repo.commits[sha][match["name"]])

    def send_file(self, name: str, sha: str, content: bytes) -> None:
        etag = etag_of(name, content)
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if name.endswith(_LARGE):
            headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(content))}
        if name in self.hub.corrupt:
            content = bytes([content[0] ^ 1]) + content[1:]
        status, start = 200, 0
        if wanted := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            status, start = 206, int(wanted[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        breaks = self.command == "GET" and self.hub.cut.get(name, 0) > 0
        if breaks:
            self.hub.cut[name] -= 1
        self.send(status, headers, content[start:], breaks=breaks)

    def fail(self, status: int, code: str) -> None:
        self.send(status, {"X-Error-Code": code}, b'{"error": "no"}')

    def send(
        self, status: int, headers: dict[str, str], body: bytes, *, breaks: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if breaks else body)
        self.close_connection = breaks


@contextmanager
def serve() -> Iterator[Hub]:
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.hub
        finally:
            server.shutdown()
            thread.join()
