"""How a job went: for people, and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Report"]

_REASONS = 10  # that are told apart


@dataclass(frozen=True)
class Report:
    """How a job went.

    Attributes:
        output: The directory with the parts.
        rows: Rows of the input, bad ones included.
        bad_rows: Those that could not be scored; they stand in errors.jsonl.
        bad_texts: Queries and documents of the corpus that could not be used; they stand there, too.
        pairs: Pairs that were scored.
        tokens: Tokens that were run for them, special tokens included.
        parts: Files of output.
        seconds: What the job took, over all its runs.
        pairs_per_second: While pairs were scored.
        tokens_per_second: While pairs were scored.
        resumed_rows: Rows that had been done when it was started the last time.
        reasons: The most frequent reasons of bad rows, with their numbers, of the last run.
        model: Which model scored.
    """

    output: str
    rows: int
    bad_rows: int
    bad_texts: int
    pairs: int
    tokens: int
    parts: int
    seconds: float
    pairs_per_second: float
    tokens_per_second: float
    resumed_rows: int
    model: str
    reasons: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return asdict(self)

    def to_text(self) -> str:
        """Give it for people.

        Example:
            >>> print(Report("out", 3, 1, 0, 20, 400, 1, 2.0, 10.0, 200.0, 0, "bundled").to_text())
            3 rows, 1 of them bad (out/errors.jsonl)
            20 pairs in 1 part (out), scored by bundled
            0:00:02, 10 pairs/s, 200 tokens/s
        """
        errors = f" ({self.output}/errors.jsonl)"
        bad = f", {self.bad_rows:,} of them bad" * bool(self.bad_rows)
        bad += f", and {self.bad_texts:,} bad queries and documents" * bool(self.bad_texts)
        bad += errors * bool(bad)
        parts = "1 part" if self.parts == 1 else f"{self.parts:,} parts"
        again = f" ({self.resumed_rows:,} rows were done before)" * bool(self.resumed_rows)
        pace = f"{self.pairs_per_second:,.0f} pairs/s, {self.tokens_per_second:,.0f} tokens/s"
        lines = [
            f"{self.rows:,} rows{bad}",
            f"{self.pairs:,} pairs in {parts} ({self.output}), scored by {self.model}",
            f"{clock(self.seconds)}, {pace}{again}",
        ]
        most = sorted(self.reasons.items(), key=lambda item: -item[1])[:_REASONS]
        return "\n".join(lines + [f"  {count:,} x {reason}" for reason, count in most])


def clock(seconds: float) -> str:
    """Give a duration as hours:minutes:seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
