"""Many callers of one reranker: turns, priorities, timeouts, cancelled tasks, full queues."""

import asyncio
import contextlib
import dataclasses
import math
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rerank_core import (
    DeadlineExceededError,
    Encoded,
    Inference,
    InvalidArgumentError,
    InvalidTypeError,
    Reranker,
    RerankError,
    ResourceExhaustedError,
)
from tests import models
from tests.programs import run
from tests.watching import settled, until

DOCUMENTS = models.texts(60, seed=7)
MANY = models.texts(6000, seed=8, longest=300)


@pytest.fixture(scope="module")
def reranker(model_directory):
    with Reranker(model_directory, threads=2) as made:
        yield made


@pytest.fixture(scope="module")
def expected(reranker):
    return reranker.score("silver river", DOCUMENTS).tolist()


@pytest.fixture(scope="module")
def many(reranker):
    """More than any test waits for, and no document twice."""
    once = reranker.encode_documents(MANY)
    lengths = np.tile(np.diff(once.offsets), 10)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    shuffled = np.random.default_rng(0).permutation(np.tile(once.ids, 10))
    return Encoded(shuffled, offsets, tokenizer=once.tokenizer)


@contextlib.contextmanager
def busy(reranker, documents):
    """Rank in the background; give a list that is empty as long as that has no result."""
    stop = threading.Event()
    ended: list[object] = []

    async def rank():
        task = asyncio.create_task(reranker.arerank("river", documents))
        await until(lambda: stop.is_set() or task.done())
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            ended.append(await task)

    before = reranker.stats()
    thread = threading.Thread(target=asyncio.run, args=(rank(),))
    thread.start()
    try:
        while reranker.stats().batches < before.batches + 3:
            time.sleep(0.001)
        yield ended
    finally:
        stop.set()
        thread.join()
        while not ended and reranker.stats().cancelled == before.cancelled:
            time.sleep(0.001)


CALLS = {
    "rerank": lambda reranker, **options: reranker.rerank("river", DOCUMENTS, **options),
    "arerank": lambda reranker, **options: asyncio.run(
        reranker.arerank("river", DOCUMENTS, **options)
    ),
    "score": lambda reranker, **options: reranker.score("river", DOCUMENTS, **options),
    "score_pairs": lambda reranker, **options: reranker.score_pairs(
        ["river"] * 60, DOCUMENTS, **options
    ),
    "encode_documents": lambda reranker, **options: reranker.encode_documents(DOCUMENTS, **options),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"timeout": 0}, InvalidArgumentError, "timeout must be more than 0 seconds, got 0"),
        ({"timeout": -1.5}, InvalidArgumentError, "timeout must be more than 0 seconds, got -1.5"),
        ({"timeout": math.nan}, InvalidArgumentError, "more than 0 seconds, got nan"),
        ({"timeout": True}, InvalidTypeError, "a number of seconds or None, got bool"),
        ({"timeout": "1"}, InvalidTypeError, "a number of seconds or None, got str"),
        ({"priority": True}, InvalidTypeError, "priority must be an integer, got bool"),
        ({"priority": 1.0}, InvalidTypeError, "priority must be an integer, got float"),
        ({"priority": 1001}, InvalidArgumentError, "between -1000 and 1000, got 1001"),
        ({"priority": -(10**30)}, InvalidArgumentError, "between -1000 and 1000, got -1000"),
    ],
)
def test_bad_terms(reranker, call, options, kind, message):
    with pytest.raises(kind, match=message):
        call(reranker, **options)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_timeout_covers_all_of_a_call(reranker, call):
    before = reranker.stats().deadline_exceeded
    with pytest.raises(DeadlineExceededError, match="the timeout of 1e-09 s has passed: no batch"):
        call(reranker, timeout=1e-9)
    assert reranker.stats().deadline_exceeded == before + 1


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "options",
    [{"timeout": 1000}, {"timeout": math.inf}, {"timeout": np.float32(1e30)}, {"priority": -7}],
)
def test_terms_change_no_answer(reranker, call, options):
    found, expected = call(reranker, **options), call(reranker)
    if hasattr(found, "offsets"):
        found, expected = found.ids, expected.ids
    assert found.tolist() == expected.tolist() if hasattr(found, "tolist") else found == expected


def test_a_timeout_stops_what_runs_and_says_how_far_it_got(reranker, many):
    before = reranker.stats()
    with pytest.raises(DeadlineExceededError, match=r"0\.1 s has passed: (\d+ of \d+|no) batch"):
        reranker.score("river", many, timeout=0.1)
    assert settled(reranker)
    stats = reranker.stats()
    assert stats.deadline_exceeded == before.deadline_exceeded + 1
    assert stats.failed == before.failed


def test_a_timeout_passes_while_a_call_waits(reranker, many):
    with busy(reranker, many) as ended:
        with pytest.raises(DeadlineExceededError, match="s has passed: 0 of 2 batches were run"):
            reranker.score("river", ["stone", "river stone"], timeout=0.05, priority=-1)
        assert not ended
    assert settled(reranker)


def test_a_large_call_delays_no_small_one(reranker, many, expected):
    with busy(reranker, many) as ended:
        for _ in range(3):
            assert reranker.score("silver river", DOCUMENTS).tolist() == expected
        urgent = reranker.score("silver river", DOCUMENTS, priority=1)
        assert not ended
    assert urgent.tolist() == expected


def test_event_loops_wait_their_turn_too(reranker, expected):
    """However many large calls of a loop run, the next one is not behind them all."""
    large = reranker.encode_documents(MANY)

    async def together():
        crowd = [asyncio.create_task(reranker.arerank("river", large)) for _ in range(40)]
        await until(lambda: reranker.stats().queued_calls == 40)
        result = await reranker.arerank("silver river", DOCUMENTS, priority=1)
        ended = [task.done() for task in crowd]
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
        return result, ended

    before = reranker.stats().cancelled
    result, ended = asyncio.run(together())
    assert not any(ended)
    scores = {hit.index: hit.score for hit in result.data}
    assert [np.float32(scores[place]) for place in range(60)] == expected
    assert settled(reranker, cancelled=before + 40)


async def cancelled_when_it_runs(reranker, ranking):
    before = reranker.stats().batches
    task = asyncio.create_task(ranking)
    await until(lambda: reranker.stats().batches >= before + 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_cancelled_task_takes_its_work_back(reranker, many):
    before = reranker.stats()
    asyncio.run(cancelled_when_it_runs(reranker, reranker.arerank("river", many)))
    assert settled(reranker, cancelled=before.cancelled + 1, failed=before.failed)
    assert reranker.stats().rows - before.rows < len(many)


def test_through_inference_too(model_directory):
    with Reranker(model_directory, threads=2) as own, Inference(models={"m": own}) as inference:
        asyncio.run(cancelled_when_it_runs(own, inference.arerank("m", "river", MANY)))
        assert settled(own, cancelled=1)


def test_wait_for(reranker, many):
    before = reranker.stats().cancelled

    async def impatient():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(reranker.arerank("river", many), 0.2)

    asyncio.run(impatient())
    assert settled(reranker, cancelled=before + 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_event_loops_of_a_forked_child(model_directory):
    """The threads of arerank did not come along; the child gets its own."""
    code = f"""
        import asyncio, os, warnings
        from rerank_core import ClosedError, Reranker

        warnings.simplefilter("ignore")
        reranker = Reranker({str(model_directory)!r}, threads=1)
        ranked = asyncio.run(reranker.arerank("river", ["stone", "river"]))
        child = os.fork()
        if child == 0:
            own = Reranker({str(model_directory)!r}, threads=1)
            assert asyncio.run(own.arerank("river", ["stone", "river"])) == ranked
            try:
                asyncio.run(reranker.arerank("river", ["stone"]))
            except ClosedError:
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
    """
    done = run(code)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no TaskGroup")
def test_task_groups(reranker, many):
    before = reranker.stats()

    async def failing():
        await until(lambda: reranker.stats().batches >= before.batches + 3)
        raise LookupError("of another task")

    async def together():
        async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined, unused-ignore]
            for _ in range(3):
                group.create_task(reranker.arerank("river", many))
            group.create_task(failing())

    with pytest.raises(BaseException, match="unhandled errors in a TaskGroup"):
        asyncio.run(together())
    assert settled(reranker, cancelled=before.cancelled + 3)


def test_a_call_inside_a_call_ends_with_it(reranker, many):
    """text_of may rank, too."""
    before = reranker.stats().cancelled
    inner: list[BaseException] = []

    def text_of(document):
        try:
            reranker.score(document, many)
        except RerankError as error:
            inner.append(error)
            raise
        return document

    asyncio.run(cancelled_when_it_runs(reranker, reranker.arerank("r", ["a"], text_of=text_of)))
    assert settled(reranker, cancelled=before + 1)
    while not inner:
        time.sleep(0.001)
    assert [str(error) for error in inner] == ["the caller cancelled the call"]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"max_queued_rows": 0}, InvalidArgumentError, "max_queued_rows must be >= 1, got 0"),
        ({"max_queued_tokens": 1.5}, InvalidTypeError, "max_queued_tokens must be an integer"),
        ({"when_full": "drop"}, InvalidArgumentError, "'wait' or 'fail', got 'drop'"),
        ({"when_full": []}, InvalidArgumentError, "'wait' or 'fail', got \\[\\]"),
    ],
)
def test_bad_bounds(model_directory, options, kind, message):
    with pytest.raises(kind, match=message):
        Reranker(model_directory, **options)


@pytest.mark.parametrize("bound", [{"max_queued_rows": 50}, {"max_queued_tokens": 10**4}])
def test_a_full_queue_refuses(model_directory, expected, many, bound):
    with Reranker(model_directory, threads=1, when_full="fail", **bound) as own:
        with busy(own, many):  # larger than the bound, and alone
            with pytest.raises(ResourceExhaustedError, match="the queue is full: ") as refused:
                own.score("silver river", DOCUMENTS)
            assert refused.value.retry_after > 0
            assert own.stats().rejected == 1
            own.encode_documents(DOCUMENTS)  # no row of it waits
        assert settled(own)
        assert own.score("silver river", DOCUMENTS).tolist() == expected


def test_a_full_queue_lets_wait(model_directory, expected):
    bound = len(DOCUMENTS) + 5
    with Reranker(model_directory, threads=1, max_queued_rows=bound) as own:
        seen = [0]

        def ask(_):
            found = own.score("silver river", DOCUMENTS).tolist()
            seen.append(own.stats().queued_rows)
            return found

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(ask, range(40))) == [expected] * 40
        assert max(seen) <= bound
        assert own.stats().rejected == 0


def test_waiting_for_room_has_a_timeout_and_can_be_cancelled(model_directory, many):
    with (
        Reranker(model_directory, threads=1, max_queued_rows=1) as own,
        busy(own, many) as ended,
    ):
        with pytest.raises(DeadlineExceededError, match="0 of 1 batches were run"):
            own.score("river", ["stone"], timeout=0.05, priority=5)

        async def impatient():
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(own.arerank("river", ["stone"]), 0.2)

        asyncio.run(impatient())
        while own.stats().cancelled == 0:
            time.sleep(0.001)
        stats = own.stats()
        assert (stats.deadline_exceeded, stats.cancelled, stats.queued_calls) == (1, 1, 1)
        assert not ended


def test_stats(model_directory):
    with Reranker(model_directory, threads=2) as own:
        empty = own.stats()
        assert set(empty.to_dict().values()) == {0, 1.0}
        own.score("river", [*DOCUMENTS, "stone " * 2000])
        stats = own.stats()
        assert (stats.requests, stats.rows, stats.truncated) == (1, 61, 1)
        assert stats.tokens == stats.padded_tokens > stats.rows
        assert stats.padding_ratio == 1.0
        assert stats.batches > 0 < stats.run_seconds
        assert settled(own)
        with pytest.raises(dataclasses.FrozenInstanceError):
            stats.rows = 0  # type: ignore[misc]
