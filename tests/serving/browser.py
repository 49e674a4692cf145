"""A headless Chromium, driven by its own debugging protocol over a pipe."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Tab:
    """One page of a browser."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._unread = b""
        self._number = 0
        self._session = ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        self._call("Page.enable")

    def go(self, url: str) -> None:
        self._call("Page.navigate", url=url)
        self._until("Page.loadEventFired")

    def run(self, script: str, *, loads: bool = False) -> Any:
        """Give the value of an expression; wait for the page that it loads, if it does."""
        told = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        if loads:
            self._until("Page.loadEventFired")
        return told["result"].get("value")

    def screenshot(self, path: Path) -> Path:
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))
        return path

    def _call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (told := self._next()).get("id") != self._number:
            pass
        assert "error" not in told, told
        return told["result"]

    def _until(self, event: str) -> None:
        while self._next().get("method") != event:
            pass

    def _next(self) -> Any:
        while b"\0" not in self._unread:
            piece = os.read(self._answers, 1 << 20)
            assert piece, "the browser ended"
            self._unread += piece
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)


@contextmanager
def opened(program: str, profile: Path) -> Iterator[Tab]:
    """Start a browser, which reads commands from file 3 and answers on file 4."""
    theirs_in, commands = os.pipe()
    answers, theirs_out = os.pipe()
    options = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run".split()
    script = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
    browser = subprocess.Popen(
        [
            "bash",
            "-c",
            script,
            program,
            *options,
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
        ],
        pass_fds=(theirs_in, theirs_out),
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Tab(commands, answers)
    finally:
        browser.kill()
        browser.wait()
        os.close(commands)
        os.close(answers)
