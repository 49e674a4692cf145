"""Whether scores of a model belong to their pairs: whatever runs beside them, on however many threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core.errors import EngineError, ModelError
from rerank_core.models.verify.figures import Figure
from rerank_core.reranker import Reranker
from rerank_core.tokenizer import Encoded

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from rerank_core.models.verify.probe_pairs import Pairs
    from rerank_core.results import RerankerInfo
    from rerank_core.tokenizer import Tokenizer

__all__ = ["Scored", "score_in_company"]


@dataclass(frozen=True)
class Scored:
    """The logits of the pairs, each scored alone, and how they fared in company.

    Attributes:
        logits: float32, one for each pair.
        info: What ran.
        tokenizer: Of the model.
        figure: Whether the same bits came back every time.
    """

    logits: NDArray[np.float32]
    info: RerankerInfo
    tokenizer: Tokenizer
    figure: Figure


def score_in_company(
    directory: str | os.PathLike[str], pairs: Pairs, precision: str | None = None
) -> Scored:
    """Score pairs alone, shuffled among others of the same lengths, and all at once on one thread.

    Raises:
        ModelError: The model cannot be loaded, or gives NaN or infinity for a pair.
    """
    with Reranker(directory, precision=precision, threads=2, raw_scores=True) as reranker:
        alone = _alone(reranker, pairs)
        shuffled = _shuffled(reranker, pairs)
        info, tokenizer = reranker.info, reranker.tokenizer
    with Reranker(directory, precision=precision, threads=1, raw_scores=True) as reranker:
        together = reranker.score_pairs(pairs.queries, pairs.documents)
    ways = {"shuffled among others on two threads": shuffled, "together on one thread": together}
    for way, logits in ways.items():
        apart = np.abs(logits.astype(np.float64) - alone)
        if apart.any():
            worst = int(apart.argmax())
            why = (
                f"a score depends on what runs beside it: alone and {way} it is {apart[worst]:.3g} "
                f"apart ({pairs.named(worst)}); set max_batch_rows to 1 in rerank_core.json"
            )
            figure = Figure(
                "same bits in any company", f"{apart[worst]:.2g} apart", "0", passed=False, why=why
            )
            break
    else:
        figure = Figure("same bits in any company", "0 apart", "0", passed=True)
    return Scored(alone, info, tokenizer, figure)


def _alone(reranker: Reranker, pairs: Pairs) -> NDArray[np.float32]:
    logits = np.zeros(len(pairs), np.float32)
    for index, (query, document) in enumerate(zip(pairs.queries, pairs.documents, strict=True)):
        try:
            logits[index] = reranker.score(query, [document])[0]
        except EngineError as error:
            raise ModelError(
                f"{reranker.info.path} fails on {pairs.named(index)}: {error}"
            ) from error
        if not np.isfinite(logits[index]):
            raise ModelError(
                f"{reranker.info.path} gives the logit {logits[index]} for {pairs.named(index)}; its "
                "weights are broken"
            )
    return logits


def _shuffled(reranker: Reranker, pairs: Pairs) -> NDArray[np.float32]:
    """Score the pairs in another order, among others of just their lengths: batches hold one length."""
    documents = reranker.encode_documents(pairs.documents)
    both = [documents[i] for i in range(len(documents))]
    both += [ids[::-1] for ids in both]
    order = np.random.default_rng(0).permutation(len(both))
    mixed: list[Any] = [both[i] for i in order]
    offsets = np.zeros(len(mixed) + 1, np.int64)
    np.cumsum([len(ids) for ids in mixed], out=offsets[1:])
    encoded: Any = Encoded(
        np.ascontiguousarray(np.concatenate(mixed), np.int32),
        offsets,
        tokenizer=documents.tokenizer,
    )
    logits = reranker.score_pairs([(pairs.queries * 2)[i] for i in order], encoded)
    back = np.empty_like(logits)
    back[order] = logits
    return back[: len(pairs)]
