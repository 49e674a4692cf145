"""Progress: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from rerank_core.jobs.report import clock

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Progress", "progress_on"]

_SECONDS = 10.0  # between two lines


class Progress(Protocol):
    """Where a job tells how far it is."""

    def update(self, share: float, counts: Mapping[str, int], seconds: float) -> None:
        """Tell.

        Args:
            share: Of the input that has been read, from 0 to 1.
            counts: "rows", "bad_rows", "pairs" and "tokens" since this run began.
            seconds: Since this run began.
        """

    def close(self) -> None:
        """End the last line."""


class Silent:
    """Tells nothing."""

    def update(self, share: float, counts: Mapping[str, int], seconds: float) -> None:
        pass

    def close(self) -> None:
        pass


class Lines:
    """Prints a line every few seconds."""

    def __init__(self, stream: TextIO, *, every: float = _SECONDS) -> None:
        self._stream = stream
        self._every = every
        self._last = time.monotonic()
        self._first: tuple[float, float] | None = None

    def update(self, share: float, counts: Mapping[str, int], seconds: float) -> None:
        now = time.monotonic()
        # What had been done before this run is read in no time; that says nothing of the rest.
        self._first = self._first or (share, seconds)
        if now - self._last >= self._every:
            self._last = now
            done, spent = share - self._first[0], seconds - self._first[1]
            left = clock((1 - share) * spent / done) if done > 0 else "?"
            said = ", ".join(f"{value} {name}" for name, value in _figures(counts, seconds).items())
            rows = f"{share:.0%}, {counts['rows']:,} rows, {counts['pairs']:,} pairs"
            print(f"{rows}, {said}, {left} left", file=self._stream, flush=True)

    def close(self) -> None:
        pass


class Bar:
    """A bar of tqdm, over the bytes of the input."""

    def __init__(self, stream: TextIO) -> None:
        from tqdm import tqdm  # noqa: PLC0415  (only on a terminal)

        form = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
        self._bar: Any = tqdm(total=1.0, file=stream, bar_format=form)

    def update(self, share: float, counts: Mapping[str, int], seconds: float) -> None:
        self._bar.n = share
        self._bar.set_postfix(_figures(counts, seconds))

    def close(self) -> None:
        self._bar.close()


def progress_on(stream: TextIO | None) -> Progress:
    """Give what suits a stream; None tells nothing."""
    if stream is None:
        return Silent()
    return Bar(stream) if stream.isatty() else Lines(stream)


def _figures(counts: Mapping[str, int], seconds: float) -> dict[str, str]:
    rates = {name: counts[name] / seconds if seconds else 0.0 for name in ("pairs", "tokens")}
    return {
        "pairs/s": f"{rates['pairs']:,.0f}",
        "tokens/s": f"{rates['tokens']:,.0f}",
        "bad": f"{counts['bad_rows']:,}",
    }
