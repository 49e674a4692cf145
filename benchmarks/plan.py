"""What a batch should hold on a CPU: results/plan.json.

Run as `python -m benchmarks.plan [ROUNDS]`. One thread runs the same rows through the same session
under four plans. Prediction: rows of exactly equal width cost within 5 % of filling the budget with
near-equal ones on passages (most batches are single rows then), and nothing on titles.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import harness, workloads
from rerank_core import _core
from rerank_core._onnxruntime import find_library
from rerank_core.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tests import graphs

Batches = list[tuple[list[int], int]]


def near_equal(lengths: list[int], budget: int) -> Batches:
    """Longest first, each batch filled up to the budget and padded to its longest row."""
    batches: Batches = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if batches and (len(batches[-1][0]) + 1) * batches[-1][1] <= budget:
            batches[-1][0].append(row)
        else:
            batches.append(([row], lengths[row]))
    return batches


def measure(
    root: Path, shape: graphs.Shape, work: workloads.Workload, rounds: int
) -> dict[str, Any]:
    directory = workloads.model_directory(root, shape)
    graph = _core.CrossEncoder(
        library=find_library(),
        model=directory / "model.onnx",
        provider="CPUExecutionProvider",
        provider_options=[],
    )
    tokenizer = Tokenizer(directory / "tokenizer.json")
    query, documents = tokenizer.cut([work.query]), tokenizer.cut(work.documents)
    packed = _core.pack_pairs(
        tokenizer.layout,
        query.ids,
        query.offsets,
        documents.ids,
        documents.offsets,
        np.zeros(len(documents), np.int64),
        _core.PairLimits(row_tokens=512),
    )
    inputs = [packed[name] for name in ("input_ids", "attention_mask", "token_type_ids")]
    lengths = packed["row_tokens"].tolist()

    def equal(budget: int, rows: int = 1 << 40) -> Batches:
        return _core.plan_batches(
            packed["row_tokens"],
            max_batch_tokens=budget,
            max_batch_rows=rows,
            width_multiple=1,
            max_width=512,
            workers=1,
        )

    plans = {
        "equal widths, 512 tokens": equal(512),
        "near-equal widths, 512 tokens": near_equal(lengths, 512),
        "near-equal widths, 1024 tokens": near_equal(lengths, 1024),
        "one row": equal(512, rows=1),
    }

    def run(batches: Batches) -> None:
        for rows, width in batches:
            graph.run(*(np.ascontiguousarray(tensor[rows, :width]) for tensor in inputs))

    seconds = harness.interleaved(
        {name: partial(run, batches) for name, batches in plans.items()}, rounds
    )
    reference = seconds["equal widths, 512 tokens"]
    return {
        name: {
            "batches": len(plans[name]),
            "ms": {key: 1e3 * value for key, value in harness.summary(times).items()},
            "ratio": harness.summary([a / b for a, b in zip(times, reference, strict=True)]),
        }
        for name, times in seconds.items()
    }


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    works = {
        "passages": workloads.passages(),
        "titles": workloads.passages(200, mean=22, sigma=0.2),
    }
    result: dict[str, Any] = {"machine": harness.machine(), "rounds": rounds, "shapes": {}}
    with tempfile.TemporaryDirectory() as root:
        for name, shape in workloads.SHAPES.items():
            for kind, work in works.items():
                row = measure(Path(root), shape, work, rounds)
                result["shapes"].setdefault(name, {})[kind] = {"workload": work.describe(), **row}
                for plan, figures in row.items():
                    print(
                        f"{name:<20} {kind:<9} {plan:<31} {figures['batches']:>4} batches "
                        f"{figures['ms']['median']:8.1f} ms {figures['ratio']['median']:5.2f}x"
                    )
    harness.write("plan", result)


if __name__ == "__main__":
    main()
