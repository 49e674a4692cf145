"""Short calls of an event loop, which no thread waits for; what all calls share is in test_scheduler."""

import asyncio
import gc
import os
import threading
import weakref
from typing import Any

import pytest

from rerank_core import (
    ClosedError,
    DeadlineExceededError,
    Inference,
    InvalidArgumentError,
    Reranker,
    TokenLimitError,
    _steps,
)
from tests import models
from tests.programs import run
from tests.safety.test_scheduler import busy
from tests.watching import open_files, settled, until

FEW = models.texts(20, seed=3)
LARGE = models.texts(6000, seed=4, longest=300)


@pytest.fixture(scope="module")
def reranker(model_directory):
    with Reranker(model_directory, threads=2) as made:
        yield made


@pytest.fixture
def no_threads(monkeypatch):
    async def refuse(*_, **__):
        raise AssertionError("on a thread")

    monkeypatch.setattr(_steps, "on_thread", refuse)
    monkeypatch.setattr("rerank_core.reranker.on_thread", refuse)
    monkeypatch.setattr("rerank_core.inference.on_thread", refuse)


@pytest.mark.skipif(os.name == "nt", reason="no event loop there waits for a pipe")
@pytest.mark.usefixtures("no_threads")
@pytest.mark.parametrize("options", [{}, {"top_n": 3}, {"return_documents": False, "timeout": 60}])
def test_short_calls_take_no_thread(reranker, options):
    async def ask():
        calls = (reranker.arerank("silver river", FEW, **options) for _ in range(50))
        return await asyncio.gather(*calls)

    assert asyncio.run(ask()) == [reranker.rerank("silver river", FEW, **options)] * 50
    encoded = reranker.encode_documents(FEW)
    found = asyncio.run(reranker.arerank("silver river", encoded))
    assert found == reranker.rerank("silver river", encoded)
    with Inference(models={"m": reranker}) as inference:
        ranking = inference.arerank("m", "silver river", documents=FEW)
        assert asyncio.run(ranking) == inference.rerank("m", "silver river", FEW)


@pytest.mark.usefixtures("no_threads")
@pytest.mark.parametrize(
    ("documents", "options"),
    [
        (["word " * 10_000], {}),  # slow to tokenize
        (["word"] * 1000, {}),  # slow to check
        (iter(["word"]), {}),
        (["word"], {"text_of": str}),
    ],
    ids=["long", "many", "an iterator", "text_of"],
)
def test_what_may_take_long_does(reranker, documents, options):
    with pytest.raises(AssertionError, match="on a thread"):
        asyncio.run(reranker.arerank("river", documents, **options))


@pytest.mark.usefixtures("no_threads")
def test_a_model_is_loaded_on_a_thread(model_directory):
    with Inference(models={"m": model_directory}) as inference:
        with pytest.raises(AssertionError, match="on a thread"):
            asyncio.run(inference.arerank("m", "river", FEW))
        inference.rerank("m", "river", FEW)
        assert asyncio.run(inference.arerank("m", "river", FEW)).model == "m"


def test_loops_that_wait_for_no_file(reranker, monkeypatch):
    """As on Windows."""

    def add_reader(*_):
        raise NotImplementedError

    loop = asyncio.new_event_loop()
    monkeypatch.setattr(loop, "add_reader", add_reader)
    try:
        found = loop.run_until_complete(reranker.arerank("silver river", FEW))
    finally:
        loop.close()
    assert found == reranker.rerank("silver river", FEW)


def test_errors(reranker):
    for documents, options, kind in (
        ([], {}, InvalidArgumentError),
        (["a", 7], {}, TypeError),
        (["a\ud800"], {}, InvalidArgumentError),
        (["stone " * 900], {"truncate": "NONE"}, TokenLimitError),
        (FEW, {"top": 3}, TypeError),
    ):
        with pytest.raises(kind) as here:
            reranker.rerank("river", documents, **options)
        with pytest.raises(kind) as there:
            asyncio.run(reranker.arerank("river", documents, **options))
        assert str(there.value) == str(here.value)


@pytest.mark.parametrize("words", [1, 1000], ids=["short", "long"])
def test_cancelled_while_it_waits(reranker, words):
    documents = [f"{text} " * words for text in FEW]

    async def impatient():
        task = asyncio.create_task(reranker.arerank("river", documents, priority=-1))
        await until(lambda: reranker.stats().queued_calls == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: reranker.stats().queued_calls == 1)

    before = reranker.stats().cancelled
    with busy(reranker, LARGE):
        asyncio.run(impatient())
        assert reranker.stats().cancelled == before + 1
    assert settled(reranker)


def test_the_time_is_up_while_it_waits(reranker):
    with busy(reranker, LARGE) as ended:
        with pytest.raises(DeadlineExceededError, match=r"0 of \d+ batches were run"):
            asyncio.run(reranker.arerank("river", FEW, priority=-1, timeout=0.05))
        assert not ended
    assert settled(reranker)


def test_a_loop_that_ends_before_its_calls(model_directory):
    """Their work is taken back, and nothing of the loop stays."""
    with Reranker(model_directory, threads=1) as own:
        before = open_files()
        loop = asyncio.new_event_loop()
        with busy(own, LARGE):
            tasks = [loop.create_task(own.arerank("river", FEW, priority=-1)) for _ in range(3)]
            loop.run_until_complete(asyncio.sleep(0.01))
            for task in tasks:
                pending: Any = task
                pending._log_destroy_pending = False
            loop.close()
            gone = weakref.ref(loop)
            del pending, task, tasks, loop
            gc.collect()
            assert gone() is None
        assert settled(own, cancelled=4)  # with the busy one
        assert open_files() <= before
        assert own.rerank("river", FEW) == own.rerank("river", FEW)


def test_closed_while_it_waits(model_directory):
    def score_many():
        with pytest.raises(ClosedError):
            own.score("river", LARGE)

    async def close():
        await until(lambda: own.stats().batches >= 3)
        task = asyncio.create_task(own.arerank("river", FEW, priority=-1))
        await until(lambda: own.stats().queued_calls == 2)
        await asyncio.to_thread(own.close)
        with pytest.raises(ClosedError, match="the reranker is closed"):
            await task

    own = Reranker(model_directory, threads=1)
    large = threading.Thread(target=score_many)
    large.start()
    asyncio.run(close())
    large.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_that_is_forked_while_it_waits(model_directory):
    """It ends without the worker threads that its copy of the call waits for."""
    code = f"""
        import asyncio, os, threading, time, warnings
        from rerank_core import Reranker

        warnings.simplefilter("ignore")
        reranker = Reranker({str(model_directory)!r}, threads=1)
        words = ["word " * (100 + n) for n in range(3000)]
        threading.Thread(target=reranker.score, args=("river", words), daemon=True).start()
        while reranker.stats().batches < 3:
            time.sleep(0.001)
        loop = asyncio.new_event_loop()
        task = loop.create_task(reranker.arerank("river", ["stone"], priority=-1))
        task._log_destroy_pending = False
        loop.run_until_complete(asyncio.sleep(0.01))
        child = os.fork()
        if child == 0:
            del task
            loop.close()
            del loop
            import gc; gc.collect()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
        os._exit(0)
    """
    done = run(code)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
