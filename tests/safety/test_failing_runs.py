"""Runs that fail inside ONNX Runtime, or in what a caller gave: that request alone pays for it."""

import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rerank_core import EngineError, Reranker
from tests import graphs, models

BREAKS, EXHAUSTS = "z", "k"
FAULTS = {BREAKS: "indices element out of data bounds", EXHAUSTS: "llocat"}
if "libasan" in os.environ.get("LD_PRELOAD", ""):  # it ends the process where new would throw
    del FAULTS[EXHAUSTS]


@pytest.fixture(scope="module", params=[1, 3])
def reranker(request, tmp_path_factory):
    """Logits by the last token of a document; two of the tokens are poison."""
    tokenizer = models.byte_bpe_bare()  # no special tokens: a row ends with its document
    poison = {text: tokenizer.encode(text).ids[-1] for text in (BREAKS, EXHAUSTS)}
    graph = graphs.failing(
        np.linspace(-3, 3, tokenizer.get_vocab_size()),
        breaks=poison[BREAKS],
        exhausts=poison[EXHAUSTS],
    )
    directory = models.write(tmp_path_factory.mktemp("m"), graph=graph, tokenizer=tokenizer)
    with Reranker(directory, threads=request.param, cache_rows=5) as made:
        yield made


@pytest.mark.parametrize("poison", FAULTS)
def test_a_failing_run_says_why(reranker, poison):
    before = reranker.stats()
    with pytest.raises(EngineError, match=FAULTS[poison]):
        reranker.score("river", ["stone", poison, "lamp"])
    after = reranker.stats()
    assert (after.failed, after.queued_rows) == (before.failed + 1, 0)
    with pytest.raises(EngineError, match=FAULTS[poison]):  # nothing of it is kept
        reranker.score("river", [poison])


def test_neighbours_of_failing_runs_get_their_scores(reranker):
    texts = models.texts(40, seed=3, longest=12)
    expected = {text: reranker.score("river", [text]).item() for text in texts}
    before = reranker.stats().failed

    def ask(seed):
        rng = random.Random(seed)
        failed = 0
        for _ in range(30):
            documents = rng.choices(texts, k=rng.randint(1, 12))
            if rng.random() < 0.3:
                documents.insert(rng.randrange(len(documents) + 1), rng.choice([*FAULTS]))
                with pytest.raises(EngineError):
                    reranker.score("river", documents)
                failed += 1
            else:
                found = reranker.score("river", documents).tolist()
                assert found == [expected[text] for text in documents]
        return failed

    with ThreadPoolExecutor(8) as pool:
        failed = sum(pool.map(ask, range(8)))
    assert reranker.stats().failed - before == failed > 0


class Stop(BaseException):
    """Not an Exception: as KeyboardInterrupt and SystemExit are not."""


@pytest.mark.parametrize("error", [ZeroDivisionError("mine"), MemoryError(), Stop("mine")])
@pytest.mark.parametrize("call", ["rerank", "score", "encode_documents"])
def test_what_a_callback_raises_comes_out_as_it_is(reranker, error, call):
    def text_of(document):
        if document == 2:
            raise error
        return "river"

    before, threads = reranker.stats(), threading.active_count()
    with pytest.raises(type(error)) as caught:
        getattr(reranker, call)(*["q"] * (call != "encode_documents"), [1, 2, 3], text_of=text_of)
    assert caught.value is error
    assert (reranker.stats(), threading.active_count()) == (before, threads)
