"""One pair that is alone: on one thread, over all threads, and as ONNX Runtime splits it: results/alone.json.

Run as `python -m benchmarks.alone [rounds]`. ONNX Runtime has its defaults, whose threads spin between
operators and after a run. Memory is what a model takes in a process of its own, loaded for one
thread and for all.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from benchmarks import harness, workloads
from benchmarks.memory import peak_and_now
from rerank_core import Reranker
from rerank_core._cpu import available_cpus

TOKENS = (128, 256, 512)
PAUSE = 0.05  # seconds, in which threads stop spinning


def child(directory: str, threads: str) -> None:
    before = peak_and_now()[1]
    reranker = Reranker(directory, threads=int(threads))
    print(json.dumps({"mb": peak_and_now()[1] - before}))
    reranker.close()


def session(directory: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(directory / "model.onnx"), options)


def measure(
    split: onnxruntime.InferenceSession,
    all_threads: Reranker,
    one: Reranker,
    tokens: int,
    rounds: int,
) -> dict[str, Any]:
    work = workloads.long_documents(1, tokens=tokens)
    row = one.tokenizer.encode_pairs(work.query, work.documents, max_length=tokens)
    ids = row.ids.astype(np.int64)[None]
    tensors = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    tensors["token_type_ids"] = np.asarray(row.type_ids, np.int64)[None]
    feeds = {entry.name: tensors[entry.name] for entry in split.get_inputs()}

    def score(reranker: Reranker) -> Any:
        return reranker.score(work.query, work.documents, max_pair_tokens=tokens, raw_scores=True)

    contenders = {
        "all threads": lambda: score(all_threads),
        "one thread": lambda: score(one),
        "onnxruntime": lambda: split.run(["logits"], feeds)[0][:, 0],
    }
    found = {name: run() for name, run in contenders.items()}
    assert found["all threads"] == found["one thread"], found
    seconds = harness.interleaved(contenders, rounds, pause=PAUSE)
    ours = np.array(seconds["all threads"])
    return {
        "ms": harness.summary((1000 * ours).tolist()),
        "times_ours": {
            name: harness.summary((np.array(seconds[name]) / ours).tolist())
            for name in ("one thread", "onnxruntime")
        },
        "largest_logit_difference": float(
            np.abs(found["all threads"] - found["onnxruntime"]).max()
        ),
    }


def main() -> None:
    if len(sys.argv) > 2:
        child(*sys.argv[1:])
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    threads = available_cpus()
    result: dict[str, Any] = {"machine": harness.machine(), "rounds": rounds, "shapes": {}}
    with tempfile.TemporaryDirectory() as root:
        for name, shape in workloads.SHAPES.items():
            directory = workloads.model_directory(Path(root), shape)
            memory = {}
            for count in (1, threads):
                command = [sys.executable, "-m", "benchmarks.alone", str(directory), str(count)]
                out = subprocess.run(command, capture_output=True, text=True, check=True)
                memory[str(count)] = json.loads(out.stdout)["mb"]
            split = session(directory, threads)
            with (
                Reranker(directory, threads=1) as one,
                Reranker(directory, threads=threads) as every,
            ):
                result["shapes"][name] = {
                    "memory_mb": memory,
                    "is_wide": every._graph.session.is_wide,
                    "tokens": {
                        str(tokens): measure(split, every, one, tokens, rounds) for tokens in TOKENS
                    },
                }
            print(name, json.dumps(result["shapes"][name]))
    harness.write("alone", result)


if __name__ == "__main__":
    main()
