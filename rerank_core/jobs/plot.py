"""A picture of a run: its pace, and how long the documents were."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rerank_core.jobs.rows import Row

if TYPE_CHECKING:
    import os

    from rerank_core.jobs.pipeline import ScoredWindow

__all__ = ["Trace"]


class Trace:
    """What a run notes down for its picture."""

    def __init__(self) -> None:
        self._ends = [0.0]  # seconds
        self._paces: list[float] = []
        self._lengths: Counter[int] = (
            Counter()
        )  # documents by the power of two that their length is below
        self._unit = "characters"

    def add(self, window: ScoredWindow, seconds: float) -> None:
        """Note down a window that came back, so long after the run began."""
        pairs = 0
        for row in window.rows:
            if isinstance(row, Row):
                pairs += len(row.content)
                for document in row.content:
                    length = len(document)
                    if isinstance(document, bytes):
                        length, self._unit = length // 4, "tokens"
                    self._lengths[length.bit_length()] += 1
        self._paces.append(pairs / max(seconds - self._ends[-1], 1e-9))
        self._ends.append(seconds)

    def draw(self, path: str | os.PathLike[str]) -> None:
        """Draw it, in the format that the file's name says."""
        from matplotlib.figure import Figure  # noqa: PLC0415  (only where a picture is asked for)

        figure = Figure(figsize=(8, 6), layout="constrained")
        pace, lengths = figure.subplots(2)
        pace.stairs(self._paces, self._ends)
        pace.set(xlabel="seconds", ylabel="pairs/s", ylim=(0, None))
        powers = range(max(self._lengths, default=0) + 1)
        lengths.stairs(
            [self._lengths[power] for power in powers],
            [2**power / 2 for power in range(len(powers) + 1)],
            fill=True,
        )
        lengths.set(xlabel=f"{self._unit} of a document", ylabel="documents", xscale="log")
        figure.savefig(path)
