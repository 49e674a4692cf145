"""The models that a server has, and the way of a request through them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rerank_core.errors import InvalidArgumentError, ResourceExhaustedError
from rerank_core.inference import Inference
from rerank_core.reranker import Reranker
from rerank_core.serving.dialects.dialect import Catalogue
from rerank_core.serving.refusals import DocumentLimitError, StartingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Asked
    from rerank_core.serving.settings import Settings

__all__ = ["Service"]


class Service:
    """Several models behind one door, which lets in so many requests at once.

    Args:
        settings: What to load, and the limits.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.default_model = settings.default_model or next(iter(settings.models))
        self.rerankers: dict[str, Reranker] = {}  # by served name
        self.answering = 0
        self._catalogue: Catalogue | None = None
        self._stopping = False

    def load(self) -> None:
        """Load every model and score with it once. Takes long.

        Raises:
            RerankError: A model cannot be loaded.
        """
        settings = self.settings
        made: dict[str, Reranker] = {}  # by weights: two names may share them
        try:
            for name, weights in settings.models.items():
                if weights not in made:
                    made[weights] = Reranker(
                        weights,
                        device=settings.device,
                        precision=settings.precision,
                        threads=settings.threads,
                        max_queued_rows=settings.max_queued_rows,
                        max_queued_tokens=settings.max_queued_tokens,
                        when_full="fail",
                    )
                    made[weights].warm_up()
                self.rerankers[name] = made[weights]
        except BaseException:
            for reranker in made.values():
                reranker.close()
            raise
        self._catalogue = Catalogue(
            Inference(models=self.rerankers),
            self.rerankers,
            self.default_model,
            settings.max_documents,
            settings.max_concurrent,
        )

    @property
    def ready(self) -> bool:
        """Whether requests are answered now."""
        return self._catalogue is not None and not self._stopping

    @property
    def catalogue(self) -> Catalogue:
        """What look-ups may see.

        Raises:
            StartingError: The models are not loaded yet.
        """
        if self._catalogue is None:
            raise StartingError("The models are still being loaded.")
        return self._catalogue

    def drain(self) -> None:
        """Say that the server is about to stop; what is asked meanwhile is still answered."""
        self._stopping = True

    def close(self) -> None:
        for reranker in self.rerankers.values():
            reranker.close()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Let a request in, or raise ResourceExhaustedError."""
        limit = self.settings.max_concurrent
        if self.answering >= limit:
            raise ResourceExhaustedError(f"{limit} requests are being answered; try again.")
        self.answering += 1
        try:
            yield
        finally:
            self.answering -= 1

    async def rank(self, asked: Asked, timeout: float) -> RerankResult:
        """Rank what a request asks for, in so many seconds.

        Raises:
            RerankError: As `Inference.rerank`, and where there are too many documents.
        """
        inference = self.catalogue.inference
        model = self.default_model if asked.model is None else asked.model
        count, limit = len(asked.documents), self.settings.max_documents
        if count > limit:
            raise DocumentLimitError(count, limit)
        return await inference.arerank(
            model,
            asked.query,
            asked.documents,
            asked.rank_fields,
            False,  # noqa: FBT003  (a dialect echoes its own documents)
            asked.top_n,
            self._parameters(inference, model, asked),
            max_pair_tokens=asked.max_pair_tokens,
            raw_scores=asked.raw_scores,
            timeout=timeout,
            priority=asked.priority,
        )

    @staticmethod
    def _parameters(inference: Inference, model: str, asked: Asked) -> Mapping[str, object]:
        """Give the parameters, with truncate where the dialect has a say and the model has one."""
        if asked.truncate is None:
            return asked.parameters
        names = {item.parameter for item in inference.get_model(model).supported_parameters}
        if "truncate" in names:
            return {**asked.parameters, "truncate": asked.truncate}
        if asked.truncate == "NONE":
            raise InvalidArgumentError(f"model '{model}' always truncates")
        return asked.parameters
