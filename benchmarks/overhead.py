"""How much of the time is not the model's: results/overhead.json.

Run as `python -m benchmarks.overhead [ROUNDS]`. With ids given, what remains outside ONNX Runtime's
Run is pairing, planning, packing, waking workers and waiting for the last; the share is of the time
that all workers had. With text, the tokenizer comes on top.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import harness, workloads
from rerank_core import Reranker, Tokenizer, _core

if TYPE_CHECKING:
    from tests import graphs


def measure(root: Path, shape: graphs.Shape, rounds: int) -> dict[str, Any]:
    work = workloads.passages()
    with Reranker(workloads.model_directory(root, shape)) as reranker:
        engine, tokenizer = reranker._engine, reranker._tokenizer
        workers = reranker.info.threads
        library = Tokenizer.from_file(reranker.info.path + "/tokenizer.json", native=False)
        query, documents = tokenizer.cut([work.query]), tokenizer.cut(work.documents)
        owners = np.zeros(len(documents), np.int64)

        def ids_to_scores() -> None:
            engine.run(
                query.ids,
                query.offsets,
                documents.ids,
                documents.offsets,
                owners,
                _core.PairLimits(row_tokens=512),
            )

        def tokenize(by: Tokenizer) -> float:
            start = time.perf_counter()
            by.cut([work.query], engine=engine)
            by.cut(work.documents, 512, engine=engine)
            return time.perf_counter() - start

        outside: list[float] = []
        tokenizing: dict[str, list[float]] = {"native": [], "library": []}
        for turn in range(rounds + 1):
            run_ns = engine.counters()["run_ns"]
            start = time.perf_counter()
            ids_to_scores()
            scoring = time.perf_counter() - start
            spent = {"native": tokenize(tokenizer), "library": tokenize(library)}
            run = (engine.counters()["run_ns"] - run_ns) / 1e9
            if turn:
                outside.append(1 - run / (workers * scoring))
                for name, seconds in spent.items():
                    tokenizing[name].append(seconds / (seconds + scoring))
    return {
        "workload": work.describe(),
        "threads": workers,
        "outside_run": harness.summary(outside),
        "tokenizer_of_total": harness.summary(tokenizing["native"]),
        "library_of_total": harness.summary(tokenizing["library"]),
    }


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    result: dict[str, Any] = {"machine": harness.machine(), "rounds": rounds, "shapes": {}}
    with tempfile.TemporaryDirectory() as root:
        for name, shape in workloads.SHAPES.items():
            row = result["shapes"][name] = measure(Path(root), shape, rounds)
            print(
                f"{name:<20} outside Run {row['outside_run']['median']:.2%}, "
                f"tokenizer {row['tokenizer_of_total']['median']:.2%}, "
                f"by the library {row['library_of_total']['median']:.2%}"
            )
    harness.write("overhead", result)


if __name__ == "__main__":
    main()
