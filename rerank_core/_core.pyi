# The names of csrc/bindings, in its order. Arrays must be of these dtypes and contiguous.
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

class PairTemplate:
    def __init__(self, pieces: list[tuple[str, int, int]]) -> None: ...
    @property
    def num_special(self) -> int: ...

class PairLimits:
    def __init__(
        self,
        *,
        row_tokens: int,
        pair_tokens: int = ...,
        doc_tokens: int = ...,
        max_chunks: int = ...,
        truncate: str = ...,
    ) -> None: ...

def document_room(layout: PairTemplate, query_tokens: int, limits: PairLimits) -> int: ...
def pack_pairs(
    layout: PairTemplate,
    query_ids: NDArray[np.int32],
    query_offsets: NDArray[np.int64],
    document_ids: NDArray[np.int32],
    document_offsets: NDArray[np.int64],
    query_of: NDArray[np.int64],
    limits: PairLimits,
) -> dict[str, NDArray[Any]]: ...
def plan_batches(
    lengths: NDArray[np.int64],
    *,
    max_batch_tokens: int,
    max_batch_rows: int,
    width_multiple: int,
    max_width: int,
    workers: int,
) -> list[tuple[list[int], int]]: ...
def rank(logits: NDArray[np.float32], top_n: int) -> NDArray[np.int64]: ...
def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]: ...
def onnxruntime_info(library: str | PathLike[str]) -> tuple[str, list[str]]: ...

class CrossEncoder:
    def __init__(
        self,
        *,
        library: str | PathLike[str],
        model: str | PathLike[str],
        provider: str,
        provider_options: list[tuple[str, str]],
        is_optimized: bool = False,
        shares_weights: bool = False,
    ) -> None: ...
    @property
    def has_attention_mask(self) -> bool: ...
    @property
    def is_packed(self) -> bool: ...
    @property
    def is_whole(self) -> bool: ...
    @property
    def is_wide(self) -> bool: ...
    def widen(self, threads: int) -> bool: ...
    def capture(self, *, padded: str | PathLike[str], max_tokens: int, max_width: int) -> None: ...
    @property
    def captures(self) -> int: ...
    def spread(self, threads: int) -> None: ...
    def run(
        self,
        input_ids: NDArray[np.int64],
        attention_mask: NDArray[np.int64],
        token_type_ids: NDArray[np.int64],
        *,
        wide: bool = False,
    ) -> NDArray[np.float32]: ...

def probe_memory(
    *,
    library: str | PathLike[str],
    model: str | PathLike[str],
    is_optimized: bool,
    max_width: int,
    token_id: int,
) -> list[tuple[int, int]]: ...

class Tokenizer:
    def __init__(self, json: dict[str, Any]) -> None: ...
    def encode(
        self, texts: tuple[str, ...], *, limit: int = ..., threads: int = ...
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]: ...

class Call:
    def __init__(
        self,
        *,
        timeout: float | None = None,
        priority: int = 0,
        outer: Call | None = None,
        signals: bool = True,
    ) -> None: ...
    @property
    def cancelled(self) -> bool: ...
    @property
    def seconds_left(self) -> float | None: ...
    def cancel(self) -> None: ...

class Engine:
    def __init__(
        self,
        *,
        model: CrossEncoder,
        layout: PairTemplate,
        threads: int,
        cpus: int,
        max_batch_tokens: int,
        max_batch_rows: int,
        width_multiple: int,
        max_width: int,
        row_memory: list[tuple[int, int]] = ...,
        memory_limit: int = ...,
        max_queued_rows: int = ...,
        max_queued_tokens: int = ...,
        refuse: bool = False,
        cache_rows: int = 0,
        coalesces: bool = True,
        max_runs: int = ...,
    ) -> None: ...
    def run(
        self,
        query_ids: NDArray[np.int32],
        query_offsets: NDArray[np.int64],
        document_ids: NDArray[np.int32],
        document_offsets: NDArray[np.int64],
        query_of: NDArray[np.int64],
        limits: PairLimits,
        call: Call | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]: ...
    def encode(
        self,
        tokenizer: Tokenizer,
        texts: tuple[str, ...],
        *,
        limit: int,
        call: Call | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]: ...
    def counters(self) -> dict[str, int]: ...
    def check(self, call: Call | None = None) -> None: ...
    def check_room(self) -> None: ...
    def close(self) -> None: ...

# Completions and Pending are not there on Windows.
class Completions:
    def __init__(self) -> None: ...
    def fileno(self) -> int: ...
    def take(self) -> list[int]: ...

class Pending:
    def __init__(
        self,
        engine: Engine,
        query_ids: NDArray[np.int32],
        query_offsets: NDArray[np.int64],
        document_ids: NDArray[np.int32],
        document_offsets: NDArray[np.int64],
        query_of: NDArray[np.int64],
        limits: PairLimits,
        call: Call,
        completions: Completions,
        ticket: int,
    ) -> None: ...
    def check_deadline(self) -> None: ...
    def result(self) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]: ...

NDEBUG: bool
COMPILER: str
CXX_STANDARD: int
