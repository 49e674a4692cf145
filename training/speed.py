"""How fast a model directory scores, through `rerank_core`: ``python -m training.speed DIRECTORY``."""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import machine
from rerank_core import Reranker

LENGTHS = (64, 128, 256, 512)  # tokens of a pair
PAIRS = 512
ROUNDS = 7
QUERY_WORDS = 6
FIRST = """
import time
from rerank_core import Reranker
begun = time.perf_counter()
Reranker({directory!r}).score("why is the sky blue", ["Air scatters blue light."])
print(time.perf_counter() - begun)
"""


def measured(directory: Path, threads: int = 2) -> dict[str, Any]:
    about = machine()
    seconds: dict[int, list[float]] = {length: [] for length in LENGTHS}
    words = _words(directory)
    rng = random.Random(1)
    with Reranker(directory, threads=threads) as reranker:
        query = " ".join(words[:QUERY_WORDS])
        documents = {
            length: [" ".join(rng.choices(words, k=length - 3 - QUERY_WORDS)) for _ in range(PAIRS)]
            for length in LENGTHS
        }
        for texts in documents.values():
            reranker.score(query, texts)
        for _ in range(ROUNDS):
            for length, texts in documents.items():
                begun = time.perf_counter()
                reranker.score(query, texts)
                seconds[length].append(time.perf_counter() - begun)
    first = [_first_score(directory) for _ in range(ROUNDS)]
    return {
        **about,
        "threads": threads,
        "rounds": ROUNDS,
        "query_words": QUERY_WORDS,
        "lengths": [
            {"tokens": length, "pairs_per_second": PAIRS / statistics.median(spent)}
            for length, spent in seconds.items()
        ],
        "first_score_seconds": statistics.median(first),
        "megabytes": sum(path.stat().st_size for path in directory.iterdir()) / 1e6,
    }


def _words(directory: Path) -> list[str]:
    """Words that are one piece each, so that a text has as many tokens as words."""
    pieces = json.loads((directory / "tokenizer.json").read_text())["model"]["vocab"]
    words = [piece for piece in pieces if piece.isalpha() and piece.isascii() and len(piece) > 2]
    return random.Random(0).sample(words, 4000)


def _first_score(directory: Path) -> float:
    code = FIRST.format(directory=str(directory))
    return float(
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args(arguments)
    text = json.dumps(measured(options.directory), indent=1) + "\n"
    if options.output:
        options.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
