"""A contender's process, seen from the harness: asked in turn, and stopped while others are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.baselines import CONTENDERS

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / "build/peers"
WEIGHTS = ENVIRONMENTS / "weights"
# No hub, no telemetry. Nothing here changes how a library computes.
QUIET = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "INFINITY_ANONYMOUS_USAGE_STATS": "0",
    "PYTHONNOUSERSITE": "1",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


class ContenderError(Exception):
    """A contender cannot be started, or cannot do what it was asked."""


def python_of(name: str) -> Path:
    """Give the interpreter of a contender's environment."""
    environment = CONTENDERS[name].environment
    return ENVIRONMENTS / environment / "bin/python" if environment else Path(sys.executable)


class Process:
    """A contender that loads a checkpoint, and then answers.

    Idle threads of one library spin beside the work of another: it is stopped (SIGSTOP) whenever it is
    not asked.

    Args:
        name: The contender.
        weights: The checkpoint.
        cores: How many it may use; None leaves it all.
    """

    def __init__(self, name: str, weights: Path, cores: int | None = None) -> None:
        python = python_of(name)
        if not python.exists():
            raise ContenderError(f"{python} is not there; run make peers")
        self._log = (weights.parent / f"{name.replace(' ', '-')}.log").open("w")
        self._start = time.perf_counter()
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.baselines.worker", name, weights, str(cores or "")],
            cwd=ROOT,
            env={**os.environ, **QUIET, "HF_HOME": f"{weights}-cache"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def wait(self) -> dict[str, Any]:
        """Give what it tells when it has scored its first pair, and how long that took from the start.

        Raises:
            ContenderError: It cannot be imported or loaded.
        """
        ready = self._answer()
        return {**ready, "start_seconds": time.perf_counter() - self._start}

    def ask(self, **request: Any) -> dict[str, Any]:
        """Let it run, send a request, stop it again.

        Raises:
            ContenderError: It answered with an error, or died.
        """
        self.send(signal.SIGCONT)
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def send(self, what: signal.Signals) -> None:
        self._process.send_signal(what)

    def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()
            self._log.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise ContenderError(f"ended with status {self._process.wait()}: {self._last_words()}")
        self.send(signal.SIGSTOP)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ContenderError(answer["error"])
        return answer

    def _last_words(self) -> str:
        lines = Path(self._log.name).read_text().strip().splitlines()
        return lines[-1] if lines else "no message"

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
