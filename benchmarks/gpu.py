"""Our engine beside sentence-transformers on one GPU, on the same weights: results/gpu.json and a table.

Run as `python -m benchmarks.gpu [WORK]`, where PyTorch, sentence-transformers, optimum-onnx and
onnxruntime-gpu are; `make gpu` runs the tests first. On a machine without a GPU `--device cpu --shape tiny`
shows that the script works.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers import CrossEncoder

from benchmarks import harness, roofline, workloads
from benchmarks.checkpoints import write
from rerank_core import Reranker
from rerank_core.models.manifest import Manifest
from rerank_core.models.prepare import prepare
from tests.graphs import MINILM_L6, TINY, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHAPES = {
    "tiny": TINY,
    "MiniLM-L6": MINILM_L6,
    "bge-reranker-base": Shape(layers=12, hidden=768, heads=12),
    "bge-reranker-v2-m3": Shape(layers=24, hidden=1024, heads=16),
}
ON_A_GPU = ("MiniLM-L6", "bge-reranker-base", "bge-reranker-v2-m3")
BATCH_SIZES = (32, 128, 512)
ROUNDS = 5
FEW = 10  # documents of a small call
REFERENCE_PAIRS = 32  # that PyTorch scores in fp32 on the processor
BUSY_SECONDS = 3.0
SAMPLE_SECONDS = 0.05
PRODUCT = 8192  # rows of a square matrix


def matrix_rate(device: str) -> float:
    """Give the TFLOP/s of square products, in half precision on a GPU, in single on a CPU."""
    on_gpu = device != "cpu"
    size = PRODUCT if on_gpu else PRODUCT // 8
    a = torch.randn(size, size, device=device, dtype=torch.float16 if on_gpu else torch.float32)
    seconds = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        a @ a
        if on_gpu:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return float(2 * size**3 / np.median(seconds[1:]) / 1e12)


@contextlib.contextmanager
def busy_share(device: str) -> Iterator[list[float]]:
    """Collect what the driver says of the share of time in which the GPU had something to run."""
    samples: list[float] = []
    over = threading.Event()

    def watch() -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not over.wait(SAMPLE_SECONDS):
            found = subprocess.run(query, capture_output=True, text=True, check=False).stdout
            samples.extend(float(line) for line in found.split()[:1] if line.isdigit())

    if device == "cpu":
        yield samples
        return
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield samples
    finally:
        over.set()
        watcher.join()


def measure(name: str, root: Path, device: str) -> dict[str, Any]:
    """Compare on one shape: scores, then pairs per second, then how busy the GPU was."""
    shape, precision = SHAPES[name], "fp16" if device == "cuda" else "fp32"
    checkpoint, made = root / name, root / f"{name}-{device}"
    if not made.exists():
        prepare(write(checkpoint, shape), made, precision=precision, device=device)
    work = workloads.passages(
        1000 if device == "cuda" else 100, sigma=workloads.SIGMAS["uneven passages"]
    )
    kind = torch.float16 if precision == "fp16" else torch.float32
    peer = CrossEncoder(
        str(checkpoint),
        device=device,
        activation_fn=torch.nn.Identity(),
        model_kwargs={"torch_dtype": kind, "attn_implementation": "sdpa"},
    )
    reference = CrossEncoder(str(checkpoint), device="cpu", activation_fn=torch.nn.Identity())
    few = work.documents[:REFERENCE_PAIRS]
    expected = np.asarray(reference.predict([(work.query, text) for text in few]), np.float32)

    with Reranker(made, device=device) as ours:
        found = ours.score(work.query, few, raw_scores=True)
        best = _best_batch_size(peer, work)
        contenders: dict[str, Callable[[], Any]] = {
            "rerank-core": partial(ours.score, work.query, work.documents),
            "sentence-transformers": partial(_predict, peer, work, best),
            "rerank-core, 100": partial(ours.score, work.query, work.documents[:100]),
            "rerank-core, 10": partial(ours.score, work.query, work.documents[:FEW]),
            "sentence-transformers, 10": partial(_predict, peer, work, best, FEW),
        }
        seconds = harness.interleaved(contenders, ROUNDS)
        with busy_share(device) as samples:
            end = time.perf_counter() + BUSY_SECONDS
            while time.perf_counter() < end:
                ours.score(work.query, work.documents)
        info = ours.info
    manifest = Manifest.read(made)
    products = roofline.gflop(shape, work.tokens + 11, last="first token") / 1e3
    return {
        "precision": precision,
        "packed": info.packed,
        "token_budget": info.token_budget,
        "batches_in_flight": info.batches_in_flight,
        "captured_tokens": info.captured_tokens,
        "provider": f"{info.provider}, onnxruntime {info.onnxruntime}",
        "calibration": manifest.made.get("calibration"),
        "batch_size": best,
        "workload": work.describe(),
        "pairs_per_second": {
            each: harness.summary([count / s for s in seconds[each]])
            for each, count in (
                ("rerank-core", len(work.documents)),
                ("sentence-transformers", len(work.documents)),
                ("rerank-core, 100", 100),
                ("rerank-core, 10", FEW),
                ("sentence-transformers, 10", FEW),
            )
        },
        "ratio": harness.summary(
            [
                a / b
                for a, b in zip(
                    seconds["sentence-transformers"], seconds["rerank-core"], strict=True
                )
            ]
        ),
        "tflops": products / float(np.median(seconds["rerank-core"])),
        "busy": float(np.mean(samples)) / 100 if samples else None,
        "logit_difference": float(np.abs(found - expected).max()),
        "probability_difference": float(
            np.abs(ours.scores_of(found) - ours.scores_of(expected)).max()
        ),
    }


def _best_batch_size(peer: CrossEncoder, work: workloads.Workload) -> int:
    seconds = harness.interleaved(
        {str(size): partial(_predict, peer, work, size) for size in BATCH_SIZES}, 2
    )
    return int(min(seconds, key=lambda size: min(seconds[size])))


def _predict(
    peer: CrossEncoder, work: workloads.Workload, batch_size: int, count: int | None = None
) -> Any:
    pairs = [(work.query, text) for text in work.documents[:count]]
    return peer.predict(pairs, batch_size=batch_size, show_progress_bar=False)


def table(result: dict[str, Any]) -> str:
    """Give what was measured, one line a shape."""
    head = (
        f"{'shape':<20}{'ours':>9}{'theirs':>9}{'ratio':>7}{'of matrix rate':>15}{'busy':>6}"
        f"{'diff':>9}{'10: ms':>8}{'theirs':>7}  how"
    )
    lines = [head]
    for name, row in result["shapes"].items():
        speed = row["pairs_per_second"]
        busy = "-" if row["busy"] is None else f"{row['busy']:.0%}"
        how = (
            f"{'packed' if row['packed'] else 'padded'}, {row['token_budget']} tokens, "
            f"{row['batches_in_flight']} in flight, up to {row['captured_tokens']} recorded; "
            f"theirs by {row['batch_size']}"
        )
        ours, theirs = (
            1e3 * FEW / speed[who]["median"]
            for who in ("rerank-core, 10", "sentence-transformers, 10")
        )
        lines.append(
            f"{name:<20}{speed['rerank-core']['median']:>9.0f}"
            f"{speed['sentence-transformers']['median']:>9.0f}{row['ratio']['median']:>6.2f}x"
            f"{row['tflops'] / result['matrix_tflops']:>15.0%}{busy:>6}"
            f"{row['probability_difference']:>9.1e}{ours:>8.2f}{theirs:>7.2f}  {how}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", nargs="?", default="build/gpu", type=Path)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--shape", action="append", choices=SHAPES)
    parser.add_argument("--out", type=Path, default=harness.RESULTS / "gpu.json")
    arguments = parser.parse_args()
    result: dict[str, Any] = {
        "machine": harness.machine(),
        "device": torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu",
        "torch": torch.__version__,
        "matrix_tflops": matrix_rate(arguments.device),
        "shapes": {},
    }
    if arguments.out.exists():  # other shapes, in an earlier call
        known = json.loads(arguments.out.read_text())
        if known["device"] == result["device"]:
            result["shapes"] = known["shapes"]
    for name in arguments.shape or ON_A_GPU:
        result["shapes"][name] = measure(name, arguments.work, arguments.device)
        # After each: a machine may be taken back.
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")
        print(table(result), flush=True)


if __name__ == "__main__":
    main()
