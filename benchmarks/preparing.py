"""What each step of preparing a model gains, and what was not taken: results/preparing.json.

Run as `make bench-prepare`, in the environment that exports. Checkpoints have the shapes of
well-known models and random weights; contenders score the same documents in turn, through
`Reranker`. Prediction, before the first run: the rewrite of the last layer gains what it saves in
products (a sixth of MiniLM-L6, nearly half of the tiny shape), all others together 5 %; int8 gains
2.7 times on MiniLM-L6. Before that of "absorb": 2 % of MiniLM-L6, a tenth of the tiny shape.
"""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import harness, int8_variants, roofline, workloads
from benchmarks.checkpoints import write
from rerank_core import Reranker, Tokenizer
from rerank_core.models.manifest import Manifest
from rerank_core.models.prepare.export import export
from rerank_core.models.prepare.graphs import load_graph, save_graph
from rerank_core.models.prepare.quantize import quantize
from rerank_core.models.prepare.rewrites import REWRITES, apply_rewrites
from rerank_core.models.prepare.sampler import Sampler
from rerank_core.models.prepare.trials import optimize
from rerank_core.models.store import find
from tests import graphs

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPES = {
    **workloads.SHAPES,
    "base (12 x 768)": graphs.Shape(layers=12, hidden=768, heads=12),
}
STEPS = [rewrite.name for rewrite in REWRITES if "cpu" in rewrite.devices]
PLAIN, INT8 = "plain export", "int8: a scale per run (chosen)"


def variants(root: Path, exported: Path, *, is_brief: bool) -> dict[str, Path]:
    """Write a directory for each contender; rewrites are added one after another."""
    found = find(exported)
    sampler = Sampler(Tokenizer(found.tokenizer), found.max_length)
    made = {PLAIN: exported}

    def directory(name: str, manifest: Manifest) -> Path:
        made[name] = root / f"variant-{len(made)}"
        made[name].mkdir()
        for file in ("config.json", "tokenizer.json"):
            shutil.copy(exported / file, made[name])
        manifest.write(made[name])
        return made[name] / "model.onnx"

    rewritten, unfused = root / "rewritten.onnx", root / "unfused.onnx"
    for count, step in enumerate(STEPS, start=1):
        if is_brief and count < len(STEPS):
            continue
        graph = load_graph(exported / "model.onnx")
        apply_rewrites(graph, sampler, device="cpu", without=STEPS[count:])
        save_graph(graph, rewritten)
        manifest = Manifest(graph="model.onnx", precision="fp32", is_optimized=True)
        optimize(rewritten, directory(f"+ {step}", manifest))
    graph = load_graph(exported / "model.onnx")
    apply_rewrites(graph, sampler, device="cpu", without=["attention"])
    save_graph(graph, unfused)
    alone = Manifest(graph="model.onnx", precision="int8", is_optimized=True, max_batch_rows=1)
    together = Manifest(graph="model.onnx", precision="int8", is_optimized=True, max_batch_rows=64)
    raw = root / "int8.onnx"
    quantize(rewritten, raw, reduce_range=False)
    optimize(raw, directory(INT8, alone))
    if is_brief:
        return made
    int8_variants.rows(rewritten, raw)
    optimize(raw, directory("int8: a scale per token", together))
    int8_variants.blocks(rewritten, raw)
    optimize(raw, directory("int8: blocks of 128 (MatMulNBits)", together))
    # The quantizer knows no type of a fused attention's result, and would leave what follows it.
    graph = load_graph(unfused)
    feeds = [sampler(graph, 1, width) for width in range(16, 400, 4)]
    int8_variants.static(unfused, raw, feeds)
    optimize(raw, directory("int8: scales from calibration", together))
    return made


def compare(directories: dict[str, Path], rounds: int) -> dict[str, Any]:
    works = [workloads.passages(seed=seed) for seed in (1, 2)]
    with ExitStack() as stack:
        rerankers = {
            name: stack.enter_context(Reranker(directory, raw_scores=True))
            for name, directory in directories.items()
        }

        def run(name: str) -> NDArray[np.float32]:
            return np.concatenate([rerankers[name].score(w.query, w.documents) for w in works])

        logits = {name: run(name) for name in rerankers}
        reference = logits[PLAIN]
        seconds = harness.interleaved({name: partial(run, name) for name in rerankers}, rounds)
        threads = rerankers[PLAIN].info.threads
    names = list(seconds)
    result: dict[str, Any] = {
        "workload": [work.describe() for work in works],
        "threads": threads,
        "matrix_gflops": roofline.fastest_fp32(),
        "contenders": {},
    }
    for place, name in enumerate(names):
        before = names[place - 1]
        apart = np.abs(logits[name] - reference)
        result["contenders"][name] = {
            "ms_per_request": harness.summary([1e3 * s / len(works) for s in seconds[name]]),
            "times_plain": _ratio(seconds[PLAIN], seconds[name]),
            "times_step_before": _ratio(seconds[before], seconds[name]),
            "times_fp32": _ratio(seconds[f"+ {STEPS[-1]}"], seconds[name]),
            "largest_logit_difference": float(apart.max()),
            "of_spread": float(apart.max() / reference.std()),
            "rank_correlation": _rank_correlation(logits[name], reference),
        }
    return result


def _ratio(slow: list[float], fast: list[float]) -> dict[str, float]:
    return harness.summary([a / b for a, b in zip(slow, fast, strict=True)])


def _rank_correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.corrcoef(a.argsort().argsort(), b.argsort().argsort())[0, 1])


def main() -> None:
    logging.disable(
        logging.WARNING
    )  # ONNX Runtime's quantizers set up the root's logging, and talk
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    result: dict[str, Any] = {"machine": harness.machine(), "rounds": rounds, "shapes": {}}
    for name, shape in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            exported = export(write(root / "checkpoint", shape), root / "exported").parent
            row = compare(variants(root, exported, is_brief=shape.layers > 6), rounds)
        lengths = np.concatenate([workloads.passages(seed=seed).tokens + 11 for seed in (1, 2)])
        best = row["contenders"][f"+ {STEPS[-1]}"]
        rate = (
            roofline.gflop(shape, lengths, last="absorbed")
            / 2
            / (best["ms_per_request"]["median"] / 1e3)
        )
        row["gflops"] = rate
        row["of_matrix_rate"] = rate / row["matrix_gflops"]["median"]
        result["shapes"][name] = row
        print(f"{name}: {rate:.0f} GFLOP/s of {row['matrix_gflops']['median']:.0f}")
        for contender, figures in row["contenders"].items():
            print(
                f"  {contender:<36} {figures['ms_per_request']['median']:7.1f} ms "
                f"{figures['times_plain']['median']:.2f}x plain "
                f"{figures['times_step_before']['median']:.3f}x before "
                f"{figures['times_fp32']['median']:.2f}x fp32, "
                f"{figures['of_spread']:.1e} of spread, {figures['rank_correlation']:.4f}",
                flush=True,
            )
    harness.write("preparing", result)


if __name__ == "__main__":
    main()
