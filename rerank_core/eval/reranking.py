"""A first stage's run, reranked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core.errors import EngineError
from rerank_core.tokenizer import Encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rerank_core.eval.collection import Collection
    from rerank_core.reranker import Reranker

__all__ = ["rerank_run"]

_PAIRS = 4096  # of a call: enough that few workers wait at its end, few enough to hold


def rerank_run(
    reranker: Reranker,
    collection: Collection,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> dict[str, dict[str, float]]:
    """Score what the first stage found for the judged queries.

    A document is tokenized once, however many queries found it.

    Args:
        reranker: The model.
        collection: The queries, their documents and the run.
        on_progress: Is told how many pairs are scored, and of how many, after each few thousand.
        **options: As `Reranker.score_pairs` takes them: truncate, max_chunks_per_doc, ...

    Returns:
        Logit by document id by query id, in the order of the first stage; so equal logits keep it. Logits,
        because scores near 1 would tie.

    Raises:
        EngineError: The model gave NaN for a pair; names it.
        InvalidArgumentError, InvalidTypeError: An option cannot be.

    Example:
        >>> from rerank_core import Reranker
        >>> from rerank_core.eval import read_collection
        >>> collection = read_collection(
        ...     "examples/judged", run="examples/judged/words.trec", corpus="examples/passages.jsonl"
        ... )
        >>> with Reranker() as reranker:
        ...     run = rerank_run(reranker, collection)
        >>> max(run["q1"], key=run["q1"].get)
        'sky-1'
    """
    names = list(dict.fromkeys(name for found in collection.candidates.values() for name in found))
    place = {name: i for i, name in enumerate(names)}
    encoded = reranker.encode_documents([collection.documents[name] for name in names])
    total = sum(map(len, collection.candidates.values()))
    run: dict[str, dict[str, float]] = {query: {} for query in collection.candidates}
    done = 0
    for pairs in _chunks(collection):
        queries = [collection.queries[query] for query, _ in pairs]
        documents = _taken(encoded, [place[document] for _, document in pairs])
        try:
            logits = reranker.score_pairs(queries, documents, raw_scores=True, **options)
        except EngineError:
            _name_culprit(reranker, collection, pairs, options)
            raise
        for (query, document), logit in zip(pairs, logits.tolist(), strict=True):
            run[query][document] = logit
        done += len(pairs)
        if on_progress is not None:
            on_progress(done, total)
    return run


def _chunks(collection: Collection) -> Iterator[list[tuple[str, str]]]:
    """Cut the pairs of all queries into lists that are scored at once."""
    pairs: list[tuple[str, str]] = []
    for query, found in collection.candidates.items():
        for document in found:
            pairs.append((query, document))
            if len(pairs) == _PAIRS:
                yield pairs
                pairs = []
    if pairs:
        yield pairs


def _taken(encoded: Encoded, places: list[int]) -> Encoded:
    """Give the documents at these places."""
    parts = [encoded[i] for i in places]
    offsets = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    return Encoded(np.concatenate(parts), offsets, tokenizer=encoded.tokenizer)


def _name_culprit(
    reranker: Reranker,
    collection: Collection,
    pairs: list[tuple[str, str]],
    options: dict[str, Any],
) -> None:
    """Raise for the first pair that cannot be scored alone."""
    for query, document in pairs:
        try:
            reranker.score(collection.queries[query], [collection.documents[document]], **options)
        except EngineError as error:
            raise EngineError(
                f"{collection.name}: document {document!r} for query {query!r}: {error}"
            ) from error
