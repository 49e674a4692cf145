"""What a service sees: log events with fields, a warm start."""

import asyncio
import dataclasses
import logging

import pytest

from rerank_core import (
    ClosedError,
    DeadlineExceededError,
    EngineStats,
    InvalidArgumentError,
    Reranker,
    ResourceExhaustedError,
)
from tests import models
from tests.programs import run
from tests.watching import until

WORD = "xylophone"


@pytest.fixture
def reranker(model_directory):
    with Reranker(model_directory, threads=2, cache_rows=10) as made:
        yield made


@pytest.fixture
def events(caplog):
    caplog.set_level(logging.DEBUG, "rerank_core")

    def since_last():
        found = [record for record in caplog.records if hasattr(record, "event")]
        caplog.clear()
        return found

    return since_last


def test_a_reranker_comes_and_goes(model_directory, events):
    with Reranker(model_directory, threads=2) as reranker:
        (loaded,) = events()
        assert (loaded.name, loaded.levelname) == ("rerank_core.engine", "INFO")
        assert loaded.event == "loaded"
        assert loaded.seconds > 0
        for name, value in dataclasses.asdict(reranker.info).items():
            assert getattr(loaded, name) == value
    reranker.close()
    (closed,) = events()
    assert (closed.event, closed.levelname) == ("closed", "INFO")
    assert closed.model == str(model_directory)


def test_a_call_is_told_at_debug(reranker, events):
    events()
    reranker.rerank("river", ["stone", "stone", "lamp " * 900])
    (scored,) = events()
    assert (scored.name, scored.levelname) == ("rerank_core.calls", "DEBUG")
    assert (scored.event, scored.pairs, scored.truncated) == ("scored", 3, 1)
    assert scored.tokens > 512
    assert scored.seconds > 0
    assert scored.getMessage().startswith("scored pairs=3 tokens=")


def test_failures_have_levels(model_directory, events, caplog):
    with Reranker(model_directory, threads=1, when_full="fail", max_queued_rows=1) as reranker:
        events()
        with pytest.raises(DeadlineExceededError):
            reranker.score("river", ["stone"], timeout=1e-9)
        with pytest.raises(InvalidArgumentError):
            reranker.score("river", ["stone " * 900], truncate="NONE")

        async def cancelled():
            task = asyncio.create_task(reranker.arerank("river", models.texts(3000, longest=300)))
            await until(lambda: reranker.stats().batches >= 3)
            with pytest.raises(ResourceExhaustedError):
                reranker.score("river", ["stone"])
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(
                lambda: "cancelled" in {getattr(each, "event", "") for each in caplog.records}
            )

        asyncio.run(cancelled())
    with pytest.raises(ClosedError):
        reranker.score("river", ["stone"])
    found = [
        (each.event, each.levelname, each.code, each.error)
        for each in events()
        if each.name == "rerank_core.calls"
    ]
    assert found == [
        ("failed", "WARNING", "DEADLINE_EXCEEDED", "DeadlineExceededError"),
        ("failed", "INFO", "INVALID_ARGUMENT", "TokenLimitError"),
        ("failed", "WARNING", "RESOURCE_EXHAUSTED", "ResourceExhaustedError"),
        ("cancelled", "INFO", "INTERNAL", "EngineError"),
        ("failed", "INFO", "FAILED_PRECONDITION", "ClosedError"),
    ]


def test_no_event_holds_a_text(reranker, caplog):
    caplog.set_level(logging.DEBUG)
    reranker.rerank(WORD, [WORD, {"text": WORD}])
    for bad in ({"timeout": 1e-9}, {"truncate": "NONE"}):
        with pytest.raises((DeadlineExceededError, InvalidArgumentError)):
            reranker.score(WORD, [f"{WORD} " * 3000], **bad)
    assert len(caplog.records) >= 3
    assert not any(WORD in str(vars(record)) for record in caplog.records)


def test_nothing_is_printed_or_set_up(model_directory):
    """Without a log of its own a program sees exceptions only."""
    code = f"""
        import logging
        before = logging.getLogger().handlers[:], logging.getLogger("rerank_core").handlers[:]
        from rerank_core import DeadlineExceededError, Reranker

        with Reranker({str(model_directory)!r}) as reranker:
            try:
                reranker.score("river", ["stone"], timeout=1e-9)
            except DeadlineExceededError:
                pass
        assert before == (logging.getLogger().handlers, logging.getLogger("rerank_core").handlers)
        assert all(
            logging.getLogger(name).level == logging.NOTSET
            for name in ("rerank_core", "rerank_core.calls", "rerank_core.engine")
        )
    """
    done = run(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_warm_start(reranker, events):
    events()
    seconds = reranker.warm_up()
    stats = reranker.stats()
    assert stats.requests == 1
    assert (
        stats.rows > 2 * 512 // 16
    )  # of the shortest there is a batch of the budget for each worker
    assert stats.padding_ratio == 1.0
    (warm,) = events()
    assert (warm.event, warm.levelname) == ("warmed_up", "INFO")
    assert warm.seconds == seconds > 0


def test_a_warm_start_changes_no_score(model_directory):
    texts = models.texts(20, seed=6)
    with Reranker(model_directory) as cold, Reranker(model_directory, max_length=5) as warm:
        warm.warm_up()
        assert (
            warm.score("river", texts).tolist()
            == cold.score("river", texts, max_pair_tokens=5).tolist()
        )


def test_a_warm_start_has_the_terms_of_a_call(reranker):
    with pytest.raises(DeadlineExceededError):
        reranker.warm_up(timeout=1e-9)
    with pytest.raises(InvalidArgumentError):
        reranker.warm_up(timeout=0)
    reranker.close()
    with pytest.raises(ClosedError):
        reranker.warm_up()


def test_stats_are_documented():
    fields = {field.name for field in dataclasses.fields(EngineStats)}
    told = [line.partition(":")[0].strip() for line in (EngineStats.__doc__ or "").splitlines()]
    assert fields <= set(told)
