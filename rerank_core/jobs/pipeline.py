"""Rows to results: windows of rows are scored while others are read and written."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core.errors import InvalidArgumentError
from rerank_core.jobs.results import Ranked
from rerank_core.jobs.rows import Row
from rerank_core.jobs.scoring import Window
from rerank_core.records.record import BadRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from rerank_core.jobs.parts import Output
    from rerank_core.jobs.scoring import Scored, Scorer
    from rerank_core.jobs.settings import Settings

__all__ = ["BadRowsError", "RowSink", "ScoredWindow", "scored_windows"]

_LEAST_ROWS = 1000  # before a share of bad rows tells anything
_WINDOW_BYTES = 1 << 24  # of text, or of token ids


class BadRowsError(InvalidArgumentError):
    """There are more bad rows than the job was told to bear."""


@dataclass(frozen=True)
class ScoredWindow:
    """Rows, good and bad, with what came of the good ones.

    Attributes:
        rows: In the order of the input.
        scored: The logits of the good ones, in that order.
        share: How much of the input had been read with them, from 0 to 1.
    """

    rows: list[Row | BadRow]
    scored: Scored
    share: float


def scored_windows(
    rows: Iterable[Row | BadRow], scorer: Scorer, window_pairs: int, share: Callable[[], float]
) -> Iterator[ScoredWindow]:
    """Score rows in windows, as many at a time as keep the scorer busy; give them in order."""
    waiting: deque[tuple[list[Row | BadRow], Future[Scored], float]] = deque()

    def first() -> ScoredWindow:
        window, future, read = waiting.popleft()
        return ScoredWindow(window, future.result(), read)

    for number, window in enumerate(_windows(rows, window_pairs)):
        good = [row for row in window if isinstance(row, Row)]
        work = Window(number, [row.query for row in good], [row.content for row in good])
        waiting.append((window, scorer.submit(work), share()))
        if len(waiting) >= scorer.in_flight:
            yield first()
    while waiting:
        yield first()


def _windows(rows: Iterable[Row | BadRow], window_pairs: int) -> Iterator[list[Row | BadRow]]:
    window: list[Row | BadRow] = []
    pairs = size = 0
    for row in rows:
        window.append(row)
        if isinstance(row, Row):
            pairs += len(row.content)
            size += sum(map(len, row.content))
        if pairs >= window_pairs or size >= _WINDOW_BYTES or len(window) >= window_pairs:
            yield window
            window, pairs, size = [], 0, 0
    if window:
        yield window


class RowSink:
    """Takes what was scored, row by row, counts it, and commits when a part is full.

    Args:
        output: Where it goes.
        settings: How.
        scores_of: From the logits of a row to its scores.
        strict: Whether to stop at the first bad row.
        max_bad_share: The share of bad rows from which to stop.

    Attributes:
        counts: Of all the job: "rows", "bad_rows", "bad_texts", "pairs", "tokens", "milliseconds".
        reasons: Of bad rows, with their numbers, since this run began.
    """

    def __init__(
        self,
        output: Output,
        settings: Settings,
        scores_of: Callable[[NDArray[np.float32]], NDArray[Any]],
        *,
        strict: bool,
        max_bad_share: float,
    ) -> None:
        self._output = output
        self._settings = settings
        self._scores_of = scores_of
        self._strict = strict
        self._max_bad_share = max_bad_share
        names = ("rows", "bad_rows", "bad_texts", "pairs", "tokens", "milliseconds")
        self.counts: dict[str, int] = {name: output.done.get(name, 0) for name in names}
        self.reasons: Counter[str] = Counter()
        self._before = dict(self.counts)
        self._begun = time.monotonic()
        self._in_part = 0  # pairs and bad rows since the last commit

    def add_texts(self, faults: Iterable[BadRow]) -> None:
        """Take what of queries and corpus could not be used."""
        for fault in faults:
            self.counts["bad_texts"] += 1
            self._bad(fault)

    def add_window(self, window: ScoredWindow) -> None:
        """Take a window and its logits."""
        logits = iter(window.scored.logits)
        self.counts["tokens"] += window.scored.tokens
        for row in window.rows:
            self.counts["rows"] += 1
            if isinstance(row, BadRow):
                self._add_bad(row)
            elif isinstance(found := next(logits), str):
                self._add_bad(row.bad(found))
            else:
                self._add(row, found)
            if self._in_part >= self._settings.part_pairs:
                self._commit()

    def since(self) -> dict[str, int]:
        """Give the counts of this run."""
        return {name: count - self._before[name] for name, count in self.counts.items()}

    def seconds(self) -> float:
        """Give how long this run has taken."""
        return time.monotonic() - self._begun

    def end(self) -> None:
        """Commit what is left."""
        if self._in_part:
            self._commit()
        self._check_share(least=1)

    def _add(self, row: Row, logits: NDArray[np.float32]) -> None:
        scores = self._scores_of(logits)
        if self._settings.input_order:
            order = range(len(logits))
        else:
            # Higher logit first, then lower index: the order of `Reranker.rerank`.
            best = np.argsort(-logits, kind="stable")[: self._settings.top_n]
            order, scores = best.tolist(), scores[best]
        self._output.write(Ranked(self.counts["rows"] - 1, row, list(order), scores.tolist()))
        self.counts["pairs"] += len(logits)
        self._in_part += len(logits)

    def _add_bad(self, bad: BadRow) -> None:
        self.counts["bad_rows"] += 1
        self._in_part += 1
        self._bad(bad)
        self._check_share(least=_LEAST_ROWS)

    def _bad(self, bad: BadRow) -> None:
        self.reasons[bad.reason.partition(":")[0]] += 1
        self._output.write_bad(bad)
        if self._strict:
            where = bad.file if bad.line is None else f"{bad.file}, line {bad.line}"
            raise BadRowsError(f"{where}: {bad.reason}")

    def _check_share(self, *, least: int) -> None:
        bad, rows = self.counts["bad_rows"], max(self.counts["rows"], least)
        if bad > self._max_bad_share * rows:
            ((reason, count),) = self.reasons.most_common(1) or [("in an earlier run", bad)]
            raise BadRowsError(
                f"{bad} of {self.counts['rows']} rows are bad, more than the share of {self._max_bad_share} that "
                f"may be; {count} of them: {reason}"
            )

    def _commit(self) -> None:
        self.counts["milliseconds"] = self._before["milliseconds"] + round(1000 * self.seconds())
        self._output.commit(self.counts)
        self._in_part = 0
