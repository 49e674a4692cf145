"""Everything at once, for a while: nobody gets another answer than he would alone, and nothing piles up."""

import asyncio
import gc
import logging
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from rerank_core import (
    DeadlineExceededError,
    Encoded,
    InvalidArgumentError,
    InvalidTypeError,
    MissingFieldError,
    Reranker,
    TokenLimitError,
)
from tests import models
from tests.watching import open_files, other_threads, resident_mb, settled

BAD: list[dict[str, Any]] = [
    {"query": ""},
    {"documents": [5]},
    {"documents": [{"title": "river"}]},
    {"documents": ["stone " * 900], "truncate": "NONE"},
    {"documents": ["stone"], "text_of": lambda _: 1 / 0},
]
EXPECTED = (
    asyncio.CancelledError,
    DeadlineExceededError,
    InvalidArgumentError,
    InvalidTypeError,
    MissingFieldError,
    TokenLimitError,
    ZeroDivisionError,
)


@dataclass
class Job:
    """A request, and what it gives when nobody else is there."""

    query: str
    documents: list[str]
    encoded: Encoded
    scores: list[float]

    def check(self, scores):
        assert scores == self.scores


class Soak:
    """Callers of all kinds, each of whose answers is known or one of the errors that it provokes."""

    def __init__(self, reranker, serial, ends):
        self.reranker = reranker
        self.ends = ends
        rng = random.Random(0)
        texts = models.texts(120, seed=7)
        self.jobs = []
        for place, word in enumerate(models.WORDS[:20]):
            # 1 to 140 documents, some of them more than once
            documents = rng.choices(texts, k=1 + place * place // 3 + place)
            query = f"{word} river"
            self.jobs.append(
                Job(
                    query,
                    documents,
                    serial.encode_documents(documents),
                    [serial.score(query, [text])[0].item() for text in documents],
                )
            )
        self.outcomes: dict[str, int] = {}
        self.lock = threading.Lock()

    def count(self, outcome):
        with self.lock:
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def options(self, rng):
        options = {"priority": rng.randint(-1, 1)}
        if rng.random() < 0.3:
            options["timeout"] = rng.choice([1e-6, 1e-4, 1e-3, 1e-2])
        return options

    def call(self, rng):
        job, options = rng.choice(self.jobs), self.options(rng)
        kind = rng.randrange(5)
        if kind == 0:
            bad = {"query": job.query, "documents": job.documents, **rng.choice(BAD)}
            self.reranker.score(**bad, **options)
            pytest.fail("a bad request was answered")
        if kind == 1:
            order = self.reranker.rerank(job.query, job.documents, top_n=7, **options).data
            best = np.argsort(-np.array(job.scores), kind="stable")[:7]
            assert [hit.index for hit in order] == best.tolist()
        elif kind == 2:
            queries = [job.query] * len(job.documents)
            job.check(self.reranker.score_pairs(queries, job.documents, **options).tolist())
        else:
            documents = job.documents if kind == 3 else job.encoded
            job.check(self.reranker.score(job.query, documents, **options).tolist())

    def thread(self, seed):
        rng = random.Random(seed)
        while not self.ends():
            try:
                self.call(rng)
            except EXPECTED as error:
                self.count(type(error).__name__)
            else:
                self.count("right")

    async def task(self, rng):
        job = rng.choice(self.jobs)
        ranking = self.reranker.arerank(job.query, job.documents, **self.options(rng))
        work = asyncio.create_task(ranking)
        if rng.random() < 0.4:
            await asyncio.sleep(rng.random() / 100)
            work.cancel()
        try:
            result = await work
        except EXPECTED as error:
            self.count(type(error).__name__)
            return
        scores = {hit.index: hit.score for hit in result.data}
        job.check([np.float32(scores[place]).item() for place in range(len(job.documents))])
        self.count("right")

    def loop(self, seed):
        rng = random.Random(seed)

        async def run():
            while not self.ends():
                await asyncio.gather(*(self.task(rng) for _ in range(10)))

        asyncio.run(run())

    def run(self, threads, loops):
        with ThreadPoolExecutor(threads + loops) as pool:
            work = [pool.submit(self.thread, seed) for seed in range(threads)]
            work += [pool.submit(self.loop, 100 + seed) for seed in range(loops)]
            for future in work:
                future.result()
        assert settled(self.reranker)
        stats = self.reranker.stats()
        assert stats.failed == 0
        assert stats.repeats > 0 < stats.cache_hits
        assert set(self.outcomes) == {"right", *(error.__name__ for error in EXPECTED)}


@pytest.fixture
def rerankers(model_directory, caplog):
    """One that all share, with a cache too small for all, and one for the truth."""
    Reranker(model_directory).close()  # ONNX Runtime opens once what it keeps open
    caplog.set_level(logging.CRITICAL, "rerank_core.calls")  # pytest keeps every record
    threads, files = other_threads(), open_files()
    with (
        Reranker(model_directory, threads=2, max_queued_rows=200, cache_rows=300) as shared,
        Reranker(model_directory, threads=1) as serial,
    ):
        yield shared, serial
    assert other_threads() == threads
    gc.collect()  # an error's traceback may hold what its event loop left
    assert open_files() <= files


def test_soak(rerankers):
    shared, serial = rerankers
    soak: Soak = Soak(shared, serial, ends=lambda: sum(soak.outcomes.values()) > 1500)
    soak.run(threads=16, loops=2)


@pytest.mark.long
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads /proc")
def test_soak_for_minutes(rerankers):
    """RERANK_CORE_SOAK_MINUTES of 64 threads and 4 event loops; memory is flat after a quarter."""
    seconds = 60 * float(os.environ.get("RERANK_CORE_SOAK_MINUTES", "2"))
    end = time.monotonic() + seconds
    shared, serial = rerankers
    soak = Soak(shared, serial, ends=lambda: time.monotonic() > end)
    sizes = []

    def watch():
        while not soak.ends():
            time.sleep(seconds / 60)
            sizes.append(resident_mb())
            outcomes = sum(soak.outcomes.values())
            threads = len(os.listdir("/proc/self/task"))
            print(
                f"{sizes[-1]:.1f} MB, {threads} threads, {open_files()} files, {outcomes} calls",
                flush=True,
            )

    watcher = threading.Thread(target=watch)
    watcher.start()
    soak.run(threads=64, loops=4)
    watcher.join()
    print(soak.outcomes, shared.stats(), flush=True)
    quarter = len(sizes) // 4
    assert max(sizes[-quarter:]) < max(sizes[quarter : 2 * quarter]) + 16, sizes
