"""Graphs that are loaded and tried: each once per process, however many rerankers score with it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core import _core
from rerank_core.errors import EngineError, ModelError, RerankError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from rerank_core.models.store import ModelFiles
    from rerank_core.tokenizer import Tokenizer

__all__ = ["Captured", "Graph", "SessionOptions", "load_graph", "runs_or_is_no_model"]

_log = logging.getLogger("rerank_core")

# Seconds of 128 tokens on one thread, from which on a wide session is worth its memory. Its threads sleep
# between operators, and waking them costs a small model all that they save: 2026-11-21, two threads,
# 512 tokens: MiniLM-L6 (24 ms for 128) 0.53 of the time, tiny (1.1 ms) 1.05. Below it the memory of runs
# is so small that what counts is in whose cache it is (session_slots.h).
_WORTH = 0.005
_ALONE = [0, 3, 7]  # of eight rows, those that are run without the others too


@dataclass(frozen=True)
class Captured:
    """Which batches are recorded, to be replayed.

    Attributes:
        padded: The graph of padded rows, of the same weights.
        max_tokens: Of a batch, padding included.
        max_width: Tokens of a row.
    """

    padded: Path
    max_tokens: int
    max_width: int


@dataclass(frozen=True)
class SessionOptions:
    """What a session is made with; the same files with equal options are one session.

    Attributes:
        library: ONNX Runtime.
        provider: The execution provider, and its options.
        is_optimized: Whether ONNX Runtime optimized the graph when it was prepared.
        threads: What a pair may use that is alone.
        captured: What is recorded; None for nothing.
    """

    library: Path
    provider: str
    provider_options: tuple[tuple[str, str], ...]
    is_optimized: bool
    threads: int
    captured: Captured | None = None


@dataclass(frozen=True, eq=False)
class Graph:
    """A session, and what was seen when it was tried."""

    session: _core.CrossEncoder
    depends_on_company: bool


_GRAPHS: weakref.WeakValueDictionary[Hashable, Graph] = weakref.WeakValueDictionary()
_LOADING: weakref.WeakValueDictionary[Hashable, Any] = weakref.WeakValueDictionary()  # locks


def load_graph(files: ModelFiles, tokenizer: Tokenizer, options: SessionOptions) -> Graph:
    """Load and try a graph, or give the one that somebody in this process holds already.

    Raises:
        ModelError: It is not the graph of a cross-encoder, or does not fit its tokenizer.
    """
    folders = {files.graph.parent, files.tokenizer.parent}
    # A forked child would wait for threads that it does not have.
    key = (os.getpid(), files.graph.resolve(), options, *sorted(map(_stamp, folders)))
    with _LOADING.setdefault(key, threading.Lock()):
        graph = _GRAPHS.get(key)
        if graph is None:
            graph = _GRAPHS[key] = _load(files, tokenizer, options)
        return graph


@contextlib.contextmanager
def runs_or_is_no_model(files: ModelFiles, tokenizer: Tokenizer) -> Iterator[None]:
    """Find a graph that does not fit its tokenizer before a user's text does."""
    try:
        yield
    except EngineError as error:
        raise ModelError(
            f"{files.graph} does not run on ids up to {tokenizer.largest_id} of {files.tokenizer}: "
            f"{error}. Check that graph, tokenizer and weights belong together"
        ) from error


def _stamp(folder: Path) -> tuple[Hashable, ...]:
    """Tell what lies in a folder, weights in files of their own too; a change makes it another."""
    seen = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # a link that leads nowhere
                status = entry.stat()
                seen.append((entry.name, status.st_ino, status.st_size, status.st_mtime_ns))
    return (str(folder.resolve()), *sorted(seen))


def _load(files: ModelFiles, tokenizer: Tokenizer, options: SessionOptions) -> Graph:
    session = _core.CrossEncoder(
        library=options.library,
        model=files.graph,
        provider=options.provider,
        provider_options=list(options.provider_options),
        is_optimized=options.is_optimized,
        shares_weights=options.threads > 1,
    )
    if not session.is_whole:
        _log.warning(
            "some operators of %s run on the CPU, those that compute shapes at least, and the GPU waits for "
            "them: prepare the model with --device cuda",
            files.graph,
        )
    # Eight rows of an odd length: a kernel that handles the end of a batch apart is likely to show.
    short = _rows(tokenizer, files, count=8, tokens=13)
    with runs_or_is_no_model(files, tokenizer):
        together = session.run(*short)
        alone = [session.run(*(tensor[row : row + 1] for tensor in short)) for row in _ALONE]
        if options.threads > 1:
            long = _rows(tokenizer, files, count=1, tokens=124)
            _use_threads(session, options.threads, short, together, long)
    if np.isnan(together).any():
        raise ModelError(f"{files.graph} gives NaN; its weights are broken")
    if options.captured is not None:
        _capture(session, options.captured)
    return Graph(session, not np.array_equal(together[_ALONE], np.concatenate(alone)))


def _capture(session: _core.CrossEncoder, captured: Captured) -> None:
    """Record small batches; where the device does not, they run as large ones do, only slower."""
    try:
        session.capture(**vars(captured))
    except RerankError as error:
        _log.warning("small batches of %s are not recorded: %s", captured.padded, error)


def _use_threads(
    session: _core.CrossEncoder,
    threads: int,
    short: list[NDArray[np.int64]],
    short_logits: NDArray[np.float32],
    long: list[NDArray[np.int64]],
) -> None:
    """Give each thread a session of a small graph; all together one of another, if that keeps the bits."""
    seconds, long_logits = _timed(session, long)
    if seconds < _WORTH:
        session.spread(threads)
        return
    if not session.widen(threads):
        return
    expected = ((short, short_logits), (long, long_logits))
    if not all(np.array_equal(session.run(*rows, wide=True), logits) for rows, logits in expected):
        session.widen(1)


def _timed(
    session: _core.CrossEncoder, rows: list[NDArray[np.int64]]
) -> tuple[float, NDArray[np.float32]]:
    """Give the least seconds of two runs, or of three where they tell too little; and the logits."""
    times = [time.perf_counter()]
    for _ in range(3):
        logits = session.run(*rows)
        times.append(time.perf_counter())
        if len(times) > 2 and np.diff(times).min() > 2 * _WORTH:  # noqa: PLR2004
            break
    return float(np.diff(times).min()), logits


def _rows(
    tokenizer: Tokenizer, files: ModelFiles, *, count: int, tokens: int
) -> list[NDArray[np.int64]]:
    """Give a batch of documents of so many tokens, with ids from 0 to the tokenizer's largest."""
    ids = np.linspace(0, tokenizer.largest_id, num=count * tokens, dtype=np.int32)
    packed = _core.pack_pairs(
        tokenizer.layout,
        ids[-1:],
        np.array([0, 1], np.int64),
        ids,
        np.arange(0, len(ids) + 1, tokens, dtype=np.int64),
        np.zeros(count, np.int64),
        _core.PairLimits(row_tokens=files.max_length),
    )
    return [packed[name] for name in ("input_ids", "attention_mask", "token_type_ids")]
