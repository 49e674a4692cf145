"""Pinecone's face: the same call, defaults, limits and errors, over weights of one's own."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from rerank_core._calling import on_thread
from rerank_core._steps import Steps, finished, is_long, steps_of, waits
from rerank_core.errors import (
    ClosedError,
    FailedPreconditionError,
    InvalidArgumentError,
    InvalidTypeError,
    NotFoundError,
)
from rerank_core.models.cards import CARDS, ModelCard, card_for_weights
from rerank_core.models.store import BUNDLED, find, locate
from rerank_core.request import (
    checked_documents,
    checked_positive,
    checked_query,
    checked_rank_fields,
)
from rerank_core.reranker import Reranker
from rerank_core.results import ModelInfo, ModelInfoList, RerankResult

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

__all__ = ["Inference"]

_TYPES = ("embed", "rerank")
_VECTOR_TYPES = ("dense", "sparse")


class Inference:
    """Several reranking models behind Pinecone's inference interface.

    A served name and the weights behind it are two things: the name brings limits, parameters and
    defaults (its card), the weights bring scores. Models load when first used, once each.

    Args:
        models: Which weights answer under which name: a directory, "bundled", a hub id, or a
            `Reranker` (which stays its owner's to close). Names with a card (those of Pinecone's
            list) keep its limits; others take those of the weights, which are looked up, and
            downloaded, at once. None serves "bundled" under its own name.
        **options: For every `Reranker` made here: device, precision, threads, token_budget, ...
            Scores are from 0 to 1, whatever the model's own are.

    Example:
        >>> from rerank_core import Inference
        >>> inference = Inference(models={"bge-reranker-v2-m3": "bundled"})
        >>> result = inference.rerank(
        ...     model="bge-reranker-v2-m3",
        ...     query="The tech company Apple",
        ...     documents=[{"id": "vec1", "text": "Apple is a popular fruit."},
        ...                {"id": "vec2", "text": "Apple Inc. is a tech company."}],
        ...     top_n=1,
        ... )
        >>> result.data[0]["document"]["id"]
        'vec2'
    """

    def __init__(
        self,
        models: Mapping[str, str | os.PathLike[str] | Reranker] | None = None,
        **options: Any,
    ) -> None:
        if models is not None and not isinstance(models, Mapping):
            raise InvalidTypeError(f"models must be a mapping, got {type(models).__name__}")
        self._weights = dict(models) if models is not None else {BUNDLED: BUNDLED}
        for name, weights in self._weights.items():
            if not isinstance(name, str):
                raise InvalidTypeError(f"models must have names, got {type(name).__name__}")
            if not isinstance(weights, (str, os.PathLike, Reranker)):
                raise InvalidTypeError(
                    f"models['{name}'] must be a path or a Reranker, got {type(weights).__name__}"
                )
        unknown = set(options) - set(inspect.signature(Reranker).parameters)
        if unknown:
            raise InvalidTypeError(f"Reranker has no option {min(unknown)!r}")
        self._options = options
        self._cards = dict(CARDS)
        for name, weights in self._weights.items():
            if name not in CARDS:
                self._cards[name] = card_for_weights(name, self._max_length(weights))
        self._start()

    def _start(self) -> None:
        """Begin without a loaded model; again in a forked child, whose lock may be held for ever."""
        self._process = os.getpid()
        self._made: dict[str | os.PathLike[str], Reranker] = {}
        self._lock = threading.Lock()
        self._closed = False

    @waits
    def rerank(
        self,
        model: str,
        query: str,
        documents: Sequence[str] | Sequence[Mapping[str, Any]],
        rank_fields: Sequence[str] = ("text",),
        return_documents: bool = True,
        top_n: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        *,
        max_pair_tokens: int | None = None,
        raw_scores: bool = False,
        timeout: float | None = None,
        priority: int = 0,
    ) -> Steps[RerankResult]:
        """Rank documents for a query, with the limits and defaults of the named model.

        Args:
            model: A served name.
            query: The question or search text.
            documents: Mappings, or strings, which are taken for ``{"text": string}``.
            rank_fields: Fields that make a document's text, joined by a newline in this order.
            return_documents: Whether the result holds the documents.
            top_n: How many to give; None, or more than there are, gives all.
            parameters: What the model supports of truncate ("END" or "NONE"), max_chunks_per_doc and
                max_tokens_per_doc; see `get_model`.
            max_pair_tokens: Tokens of query and document together, fewer than the model's own limit.
            raw_scores: Give logits instead of scores from 0 to 1.
            timeout: Seconds that it may take once the model is loaded; see `Reranker.rerank`.
            priority: See `Reranker.rerank`.

        Returns:
            Documents by score, 0 to 1, then by index. Mappings come back as the same objects.

        Raises:
            NotFoundError: No model has this name.
            FailedPreconditionError: The name is known, but no weights answer under it.
            TokenLimitError: A pair is too long and may not be truncated.
            InvalidArgumentError, InvalidTypeError: An argument cannot be, or the model does not
                take it.
            DeadlineExceededError, ResourceExhaustedError: As `Reranker.rerank`.
            ClosedError: This was closed.

        Example:
            >>> from rerank_core import Inference
            >>> Inference().rerank("bundled", "grass", ["The sky.", "Grass."]).data[0].document
            {'text': 'Grass.'}
        """
        name = _checked_model(model)
        card = self._card(name)
        checked_query(query)
        given = checked_documents(documents)
        if not given:
            raise InvalidArgumentError("documents must not be empty")
        card.check_documents(len(given))
        fields = checked_rank_fields(rank_fields)
        card.check_rank_fields(fields)
        settings = card.settings(parameters)
        top_n = len(given) if top_n is None else checked_positive("top_n", top_n)
        limit = card.max_pair_tokens
        if max_pair_tokens is not None:
            asked = checked_positive("max_pair_tokens", max_pair_tokens)
            limit = asked if limit is None else min(limit, asked)
        result = yield from steps_of(
            self._reranker(name).rerank,
            query,
            [{"text": document} if isinstance(document, str) else document for document in given],
            top_n=top_n,
            return_documents=return_documents,
            rank_fields=fields,
            max_pair_tokens=limit,
            raw_scores=raw_scores,
            timeout=timeout,
            priority=priority,
            **settings,
        )
        return replace(result, model=name)

    async def arerank(
        self, model: str, query: str, documents: Any, *args: Any, **options: Any
    ) -> RerankResult:
        """Rank as `rerank` does, without keeping the event loop waiting, as `Reranker.arerank` does.

        A task that is cancelled takes its work back.
        """
        if is_long(documents) or not self._is_loaded(model):
            return await on_thread(self.rerank, model, query, documents, *args, **options)
        return await finished(steps_of(self.rerank, model, query, documents, *args, **options))

    def list_models(
        self,
        type: str | None = None,  # noqa: A002  (Pinecone's name)
        vector_type: str | None = None,
    ) -> ModelInfoList:
        """List the models by name, those without weights included.

        Args:
            type: "rerank", "embed" (of which there are none here), or None for all.
            vector_type: "dense" or "sparse"; only embedding models have one.

        Raises:
            InvalidArgumentError: A value is not one of these, or they do not go together.

        Example:
            >>> from rerank_core import Inference
            >>> Inference().list_models(type="rerank").names()[:2]
            ['bge-reranker-v2-m3', 'bundled']
        """
        for argument, value, allowed in (
            ("type", type, _TYPES),
            ("vector_type", vector_type, _VECTOR_TYPES),
        ):
            if value is not None and value not in allowed:
                choices = ", ".join(f"'{choice}'" for choice in allowed)
                raise InvalidArgumentError(f"{argument} must be one of {choices}, got '{value}'")
        if type == "rerank" and vector_type is not None:
            raise InvalidArgumentError("vector_type is not supported when type='rerank'")
        if type == "embed" or vector_type is not None:
            return ModelInfoList(())
        return ModelInfoList(tuple(self._cards[name].info for name in sorted(self._cards)))

    def get_model(self, model: str | None = None, *, model_name: str | None = None) -> ModelInfo:
        """Give what is known of one model.

        Args:
            model: Its name.
            model_name: The same, as older Pinecone clients call it.

        Raises:
            NotFoundError: No model has this name.

        Example:
            >>> from rerank_core import Inference
            >>> Inference().get_model("bge-reranker-v2-m3").max_sequence_length
            1024
        """
        if model is not None and model_name is not None:
            raise InvalidArgumentError("Provide either model= or model_name=, not both")
        return self._card(_checked_model(model if model is not None else model_name)).info

    @property
    def model(self) -> _Models:
        """The same as ``model.list()`` and ``model.get(name)``, as Pinecone's client has them too."""
        return _Models(self)

    def weights(self, model: str) -> str | None:
        """Give the directory or the hub id of a served name's weights, or None if it has none.

        Raises:
            NotFoundError: No model has this name.
        """
        name = _checked_model(model)
        self._card(name)
        found = self._weights.get(name)
        if isinstance(found, Reranker):
            return found.info.path
        return None if found is None else str(locate(found) or found)

    def close(self) -> None:
        """Close the rerankers that were made here; later calls fail with ClosedError."""
        with self._lock:
            self._closed = True
            for reranker in self._made.values():
                reranker.close()

    def __enter__(self) -> Inference:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _max_length(self, weights: str | os.PathLike[str] | Reranker) -> int:
        if isinstance(weights, Reranker):
            return weights.info.max_length
        options = {name: self._options.get(name) for name in ("precision", "revision")}
        return find(weights, **options).max_length

    def _card(self, name: str) -> ModelCard:
        if name not in self._cards:
            raise NotFoundError(f"Model '{name}' not found")
        return self._cards[name]

    def _is_loaded(self, name: Any) -> bool:
        weights = self._weights.get(name) if isinstance(name, str) else None
        return isinstance(weights, Reranker) or (
            weights in self._made and self._process == os.getpid()
        )

    def _reranker(self, name: str) -> Reranker:
        weights = self._weights.get(name)
        if weights is None:
            raise FailedPreconditionError(
                f"Model '{name}' has no weights here; say which answer under its name: "
                f"Inference(models={{'{name}': 'path/to/model'}})"
            )
        if isinstance(weights, Reranker):
            return weights
        if os.getpid() != self._process:
            self._start()
        if weights not in self._made:
            with self._lock:  # one load, however many threads ask first
                if self._closed:
                    raise ClosedError("the inference is closed")
                if weights not in self._made:
                    options = {"raw_scores": False, **self._options}
                    self._made[weights] = Reranker(weights, **options)
        return self._made[weights]


@dataclass(frozen=True)
class _Models:
    """The namespace behind ``inference.model``."""

    _inference: Inference

    def list(self, *, type: str | None = None, vector_type: str | None = None) -> ModelInfoList:  # noqa: A002
        return self._inference.list_models(type=type, vector_type=vector_type)

    def get(self, model: str | None = None, *, model_name: str | None = None) -> ModelInfo:
        return self._inference.get_model(model, model_name=model_name)


def _checked_model(model: Any) -> str:
    if isinstance(model, Enum):  # as pinecone.RerankModel
        model = model.value
    if not isinstance(model, str):
        raise InvalidTypeError(f"model must be a string, got {type(model).__name__}")
    if not model:
        raise InvalidArgumentError("model must be a non-empty string")
    return model
