"""What idle processes of peers cost the one that is asked: results/idle.json.

Run as `python -m benchmarks.idle`, after `make peers`. Ours is timed alone, beside all peers that have just
scored and idle, and beside the same peers stopped, as the harness has them.
"""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import Any

from benchmarks import harness, peers
from benchmarks.baselines import CONTENDERS, OURS

ROUNDS = 15


def main() -> None:
    seconds: dict[str, list[float]] = {"alone": [], "idle": [], "stopped": []}
    with ExitStack() as stack:
        contenders = peers.Field(stack, peers.TINY, CONTENDERS)
        path = peers.write(contenders.weights, "passages")
        others = [entry for name, entry in contenders.processes.items() if name != OURS]
        ours = contenders.processes[OURS]

        def once() -> float:
            answer = ours.ask(path=str(path), settings={}, is_first=False)
            return float(answer["seconds"])

        once()
        for _ in range(ROUNDS):
            seconds["stopped"].append(once())
            for other in others:
                other.ask(path=str(path), settings={}, is_first=False)
                other.send(signal.SIGCONT)
            seconds["idle"].append(once())
            for other in others:
                other.send(signal.SIGSTOP)
        for other in others:
            other.close()
        seconds["alone"] = [once() for _ in range(ROUNDS)]
    result: dict[str, Any] = {
        "machine": harness.machine(),
        "rounds": ROUNDS,
        "shape": peers.TINY,
        "ms": {k: harness.summary([1e3 * s for s in times]) for k, times in seconds.items()},
    }
    print(result["ms"])
    harness.write("idle", result)


if __name__ == "__main__":
    main()
