"""Scoring on the machines of a Ray cluster: Ray places, retries and distributes; nothing here does.

`PairScorer` is a stage of a Ray Data pipeline of one's own; `RayScorer` scores the windows of a job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import ray

from rerank_core.errors import FailedPreconditionError, InvalidArgumentError
from rerank_core.jobs.identity import made_by
from rerank_core.jobs.scoring import Scored, Window, WindowScorer
from rerank_core.request import checked_positive
from rerank_core.reranker import Reranker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

__all__ = ["PairScorer", "RayScorer", "WindowActor"]


class PairScorer:
    """Adds scores to batches of pairs: a class for ``Dataset.map_batches``, one engine for each actor.

    Args:
        model: As `Reranker` takes it, on each machine of the cluster.
        query: Column of the queries.
        document: Column of the documents.
        score: Column that is added, float64: the scores of `Reranker.rerank`, bit for bit.
        reranker_options: Options of `Reranker`. Set threads to the ``num_cpus`` of an actor.
        scoring: Options of `Reranker.score_pairs`: truncate, max_pair_tokens, ...

    Example::

        pairs = ray.data.read_parquet("pairs.parquet")
        pairs.map_batches(
            PairScorer,
            fn_constructor_kwargs={"model": "bundled", "reranker_options": {"threads": 2}},
            batch_size=8192,
            num_cpus=2,
            concurrency=4,
        ).write_parquet("scores")
    """

    def __init__(
        self,
        model: str = "bundled",
        *,
        query: str = "query",
        document: str = "document",
        score: str = "score",
        reranker_options: Mapping[str, Any] | None = None,
        scoring: Mapping[str, Any] | None = None,
    ) -> None:
        self._reranker = Reranker(model, **(reranker_options or {}))
        self._query = query
        self._document = document
        self._score = score
        self._scoring = dict(scoring or {})

    def __call__(self, batch: dict[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
        """Score a batch of columns.

        Raises:
            InvalidArgumentError: A column is not there, or a pair cannot be scored.
        """
        for name in (self._query, self._document):
            if name not in batch:
                raise InvalidArgumentError(f"no column '{name}'; there are {', '.join(batch)}")
        options = {**self._scoring, "raw_scores": True}
        logits = self._reranker.score_pairs(
            batch[self._query].tolist(), batch[self._document].tolist(), **options
        )
        raw = self._scoring.get("raw_scores", self._reranker.info.raw_scores)
        scores = logits.astype(np.float64) if raw else self._reranker.scores_of(logits)
        return {**batch, self._score: scores}


class WindowActor:
    """Scores windows of a job on a machine of the cluster.

    Args:
        model: As `Reranker` takes it.
        reranker_options: Its options.
        expected: What `made_by` says where the job was started.
        scoring: Options of `Reranker.score_pairs`.

    Raises:
        InvalidArgumentError: Under the model's name is something else here.
    """

    def __init__(
        self,
        model: str,
        reranker_options: Mapping[str, Any],
        expected: Mapping[str, Any],
        scoring: Mapping[str, Any],
    ) -> None:
        reranker = Reranker(model, **reranker_options)
        for key, found in made_by(reranker).items():
            if found != expected[key]:
                raise InvalidArgumentError(
                    f"{key} of '{model}' is {found!r} on {ray.util.get_node_ip_address()}, and "
                    f"{expected[key]!r} where the job was started; scores would not be the same"
                )
        self._scorer = WindowScorer(reranker, scoring)

    def ready(self) -> None:
        """Return when the model is loaded."""

    def score(self, window: Window) -> Scored:
        """Score a window."""
        return self._scorer.score(window)


class RayScorer:
    """Scores windows on actors of a Ray cluster; one that dies is made again, and its windows too.

    Args:
        address: Of the cluster; "local" starts one here. A connection that is there already is used.
        actors: How many; None takes as many as the cluster has CPUs for.
        model: As `WindowActor` takes it, and so are the others.

    Raises:
        FailedPreconditionError: There is no such cluster or no room in it, or an actor has another model.
    """

    def __init__(
        self,
        address: str,
        *,
        actors: int | None,
        model: str,
        reranker_options: Mapping[str, Any],
        made_by: Mapping[str, Any],
        scoring: Mapping[str, Any],
    ) -> None:
        self._actors: list[Any] = []
        self._connected = not ray.is_initialized()
        if self._connected:
            try:
                ray.init(address=address, log_to_driver=False)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise FailedPreconditionError(f"no Ray cluster at '{address}': {error}") from error
        threads = reranker_options.get("threads") or 1
        resources = ray.cluster_resources()
        needs = {"CPU": threads}
        if str(reranker_options.get("device", "cpu")).startswith("cuda"):
            needs["GPU"] = 1
        room = min(int(resources.get(name, 0) // count) for name, count in needs.items())
        count = max(1, room) if actors is None else checked_positive("actors", actors)
        if count > room:
            self.close()
            raise FailedPreconditionError(
                f"the Ray cluster at '{address}' has room for {room} actors with {needs}, not for {count}"
            )
        actor = ray.remote(
            num_cpus=threads,
            num_gpus=needs.get("GPU", 0),
            max_restarts=-1,
            max_task_retries=-1,
            max_concurrency=2,
        )(WindowActor)
        options = {**reranker_options, "threads": threads}
        self._actors = [actor.remote(model, options, made_by, scoring) for _ in range(count)]
        try:
            ray.get([actor.ready.remote() for actor in self._actors])
        except ray.exceptions.RayActorError as error:
            self.close()
            raise FailedPreconditionError(f"an actor does not start: {error}") from error
        self.in_flight = 3 * count  # two that run on each, and one on its way
        self._submitted = 0

    def submit(self, window: Window) -> Future[Scored]:
        """Begin with a window."""
        actor = self._actors[self._submitted % len(self._actors)]
        self._submitted += 1
        future: Future[Scored] = actor.score.remote(window).future()
        return future

    def close(self) -> None:
        """Let the actors go, and the connection that was made for them."""
        for actor in self._actors:
            ray.kill(actor)
        if self._connected:
            ray.shutdown()
