"""What a job gives for one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rerank_core.jobs.rows import Row

__all__ = ["Ranked"]


@dataclass(frozen=True)
class Ranked:
    """The documents of one row with their scores.

    Attributes:
        number: Of the row in the input, from 0, bad rows counted.
        row: The row.
        order: Positions of the documents, best first or as they came.
        scores: Score of each, in that order.
    """

    number: int
    row: Row
    order: list[int]
    scores: list[float]
