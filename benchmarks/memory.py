"""Peak memory of 1,000 documents of 512 tokens, above that of the loaded model: results/memory.json.

Run as `python -m benchmarks.memory`. Each contender runs in a process of its own, because the peak
of a process never falls. The padded policies get batches of 32: one batch of 1,000 would need tens
of gigabytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import harness, workloads

CONTENDERS = ("rerank-core", "sorted, batches of 32")


def peak_and_now() -> tuple[float, float]:
    """Give the peak and the current resident memory of this process, in MB."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return tuple(int(status[key].split()[0]) / 1024 for key in ("VmHWM", "VmRSS"))  # type: ignore[return-value]


def child(contender: str, directory: str) -> None:
    work = workloads.long_documents()
    run: Any
    if contender == CONTENDERS[0]:
        from rerank_core import Reranker

        run = Reranker(directory, threads=2).score
    else:
        from benchmarks.policies import PaddedBatches

        run = PaddedBatches(Path(directory), threads=2, rows=32, sort=True)
    loaded = peak_and_now()[1]
    scores = run(work.query, work.documents)
    peak, settled = peak_and_now()
    assert len(scores) == len(work.documents)
    print(
        json.dumps({"loaded_mb": loaded, "above_mb": peak - loaded, "settled_mb": settled - loaded})
    )


def main() -> None:
    if len(sys.argv) > 1:
        child(*sys.argv[1:])
        return
    result: dict[str, Any] = {
        "machine": harness.machine(),
        "contenders": CONTENDERS,
        "shapes": {},
    }
    with tempfile.TemporaryDirectory() as root:
        for name, shape in workloads.SHAPES.items():
            directory = workloads.model_directory(Path(root), shape)
            rows = result["shapes"][name] = {}
            for contender in CONTENDERS:
                command = [sys.executable, "-m", "benchmarks.memory", contender, str(directory)]
                out = subprocess.run(command, capture_output=True, text=True, check=True)
                rows[contender] = json.loads(out.stdout)
                print(
                    f"{name:<20} {contender:<22} {rows[contender]['above_mb']:6.0f} MB above the model"
                )
    harness.write("memory", result)


if __name__ == "__main__":
    main()
