"""What a call gives back: frozen records with attributes and items, as Pinecone's are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "EngineStats",
    "ModelInfo",
    "ModelInfoList",
    "RankedDocument",
    "RerankResult",
    "RerankUsage",
    "RerankerInfo",
    "SupportedParameter",
]


class _Record:
    """Item access for a dataclass; its items are the keys of the REST JSON, in that order."""

    def _absent(self) -> frozenset[str]:
        """Names of fields that the JSON leaves out."""
        return frozenset()

    def keys(self) -> list[str]:
        absent = self._absent()
        return [f.name for f in fields(self) if f.name not in absent]  # type: ignore[arg-type]

    def items(self) -> list[tuple[str, Any]]:
        return [(key, getattr(self, key)) for key in self.keys()]

    def get(self, key: str, default: Any = None) -> Any:
        return getattr(self, key) if key in self.keys() else default

    def __getitem__(self, key: str) -> Any:
        if key not in self.keys():
            raise KeyError(key)
        return getattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def to_dict(self) -> dict[str, Any]:
        """Give the REST JSON of this record as a dict of plain values."""
        return {key: _plain(value) for key, value in self.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, _Record):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return dict(value)  # the caller's document stays the caller's
    return value


@dataclass(frozen=True)
class RankedDocument(_Record):
    """A document's place in the ranking.

    Attributes:
        index: Its position in the request.
        score: Its relevance, 0 to 1 and higher is better (a logit, if raw scores were asked for).
        document: The object that was passed in, or None if documents were not asked for.
    """

    index: int
    score: float
    document: Any = None

    def _absent(self) -> frozenset[str]:
        return frozenset({"document"} if self.document is None else ())


@dataclass(frozen=True)
class RerankUsage(_Record):
    """What a request cost.

    Attributes:
        rerank_units: Pinecone's unit: 1 per request.
        total_tokens: Tokens of all rows, special tokens included, whether they had to be run or were
            known (see `EngineStats`); not part of the REST JSON.
    """

    rerank_units: int
    total_tokens: int = 0

    def _absent(self) -> frozenset[str]:
        return frozenset({"total_tokens"})


@dataclass(frozen=True)
class RerankResult(_Record):
    """Documents ranked for a query.

    Attributes:
        model: Name of the model that ranked.
        data: The documents, best first; equal scores keep the order of the request.
        usage: What it cost.
        truncated: Positions in the request of the documents that were not read to their end, or
            not beside the whole query; not part of the REST JSON.
    """

    model: str
    data: tuple[RankedDocument, ...]
    usage: RerankUsage
    truncated: tuple[int, ...] = ()

    def _absent(self) -> frozenset[str]:
        return frozenset({"truncated"})

    def __repr__(self) -> str:
        rows = "".join(
            f"\n  {hit.score:.6f}  [{hit.index}]{_preview(hit.document)}" for hit in self.data[:10]
        )
        more = f"\n  and {len(self.data) - 10} more" if len(self.data) > 10 else ""  # noqa: PLR2004
        cut = f", truncated={list(self.truncated)}" if self.truncated else ""
        return (
            f"RerankResult(model={self.model!r}, count={len(self.data)}, "
            f"usage={self.usage!r}{cut}){rows}{more}"
        )


def _preview(document: Any, width: int = 60) -> str:
    if document is None:
        return ""
    text = " ".join(
        (document if isinstance(document, str) else repr(document))[: 4 * width].split()
    )
    return "  " + (text if len(text) <= width else text[: width - 3] + "...")


@dataclass(frozen=True)
class SupportedParameter(_Record):
    """A key that ``parameters`` may hold for a model, as in Pinecone's list of models."""

    parameter: str
    type: str
    value_type: str
    required: bool
    default: Any = None
    allowed_values: tuple[Any, ...] | None = None
    min: int | None = None
    max: int | None = None

    def _absent(self) -> frozenset[str]:
        optional = ("default", "allowed_values", "min", "max")
        return frozenset(name for name in optional if getattr(self, name) is None)


@dataclass(frozen=True)
class ModelInfo(_Record):
    """What Pinecone's list of models says of a reranking model.

    ``max_batch_size`` is None, and absent from the JSON, where any number of documents will do.
    ``vector_type``, ``default_dimension`` and ``supported_dimensions`` belong to embedding models and
    are None; ``supported_metrics`` is empty. None of these is part of the JSON.
    """

    model: str
    short_description: str
    type: str
    supported_parameters: tuple[SupportedParameter, ...]
    modality: str
    max_sequence_length: int
    max_batch_size: int | None
    provider_name: str
    vector_type: None = None
    default_dimension: None = None
    supported_dimensions: None = None
    supported_metrics: tuple[str, ...] = ()

    def _absent(self) -> frozenset[str]:
        embedding = {
            "vector_type",
            "default_dimension",
            "supported_dimensions",
            "supported_metrics",
        }
        return frozenset(embedding if self.max_batch_size else {*embedding, "max_batch_size"})


@dataclass(frozen=True)
class ModelInfoList(_Record):
    """The models that are served; iterates and indexes like a sequence of `ModelInfo`."""

    models: tuple[ModelInfo, ...]

    def names(self) -> list[str]:
        return [info.model for info in self.models]

    def __len__(self) -> int:
        return len(self.models)

    def __iter__(self) -> Iterator[ModelInfo]:  # type: ignore[override]
        return iter(self.models)

    def __getitem__(self, key: int | slice | str) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else self.models[key]

    def __contains__(self, item: object) -> bool:
        return item in self.models or item in self.names()


@dataclass(frozen=True)
class RerankerInfo:
    """What a `Reranker` runs, and how.

    Attributes:
        model: The name or path it was made with.
        path: Directory of the weights.
        precision: "fp32", "fp16" or "int8": of the graph that was loaded.
        provider: ONNX Runtime's execution provider.
        onnxruntime: Version of ONNX Runtime.
        tokenizer: What turns text into ids: "native", or a library, its version, and why it has to.
        max_length: Tokens that query and document may have together, special tokens included.
        threads: Worker threads, each running whole batches.
        token_budget: Padded tokens that a batch may have.
        max_batch_rows: Rows that a batch may have; 1 where a score would depend on its batch.
        batches_in_flight: Batches that run at once.
        captured_tokens: Padded tokens up to which a batch is a recording (CUDA graph) that is replayed; 0
            where none is.
        packed: Whether the graph takes the rows of a batch one behind the other, without padding.
        memory_limit: Bytes that running batches may take together; None is no limit.
        raw_scores: Whether scores are logits rather than 0 to 1.
        activation: What makes a score of a logit as the model's files say: "sigmoid" (of two logits:
            softmax, the second one's), "identity", or a name that is neither.
    """

    model: str
    path: str
    precision: str
    provider: str
    onnxruntime: str
    tokenizer: str
    max_length: int
    threads: int
    token_budget: int
    max_batch_rows: int | None
    batches_in_flight: int = field(default=1)
    captured_tokens: int = field(default=0)
    packed: bool = field(default=False)
    memory_limit: int | None = field(default=None)
    raw_scores: bool = field(default=False)
    activation: str = field(default="sigmoid")


@dataclass(frozen=True)
class EngineStats(_Record):
    """What a `Reranker` has done since it was made, and what waits now.

    Attributes:
        requests: Calls that were let in, whether anything of them had to be run or not.
        rows: Rows that were run: pairs, or windows of them.
        batches: Batches that were run.
        tokens: Tokens of these rows, special tokens included.
        padded_tokens: Tokens with padding.
        padding_ratio: padded_tokens / tokens, 1.0 where nothing is padded.
        queued_rows: Rows that wait for a worker now, behind ``max_queued_rows``.
        queued_tokens: Their tokens, with padding.
        queued_calls: Calls that wait for a worker, or for room in the queue.
        wait_seconds: From a call's pairs to the start of its first batch, over all calls.
        run_seconds: Inside the model, over all workers.
        truncated: Pairs that were cut.
        repeats: Rows that were not run because an equal one of the same call was.
        cache_hits: Rows that were not run because an earlier call had run an equal one.
        cached_rows: Rows whose logits are kept now, at most ``cache_rows``.
        cancelled: Calls given up by their asyncio task or by Ctrl-C.
        deadline_exceeded: Calls whose timeout passed.
        rejected: Calls for which the queue had no room.
        failed: Calls that the model failed, or gave NaN for.
    """

    requests: int
    rows: int
    batches: int
    tokens: int
    padded_tokens: int
    padding_ratio: float
    queued_rows: int
    queued_tokens: int
    queued_calls: int
    wait_seconds: float
    run_seconds: float
    truncated: int
    repeats: int
    cache_hits: int
    cached_rows: int
    cancelled: int
    deadline_exceeded: int
    rejected: int
    failed: int
