"""Micro benchmarks of text to ids, by family, beside the `tokenizers` library: equal first, then timed.

One thread each. The vocabularies are made by the tests, so that nothing needs to be at hand; speeds on
real ones are in `benchmarks.tokenizing`.
"""

import os

import numpy as np
import pytest

os.environ["RAYON_NUM_THREADS"] = "1"  # of the library, read when it first encodes a batch

from rerank_core import Tokenizer
from tests import models

TEXTS = models.texts(500, longest=120)


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("tokenizers")


@pytest.mark.parametrize("kind", ["native", "library"])
@pytest.mark.parametrize("family", ["wordpiece", "unigram", "byte_bpe"])
def test_encode(benchmark, directory, family, kind):
    path = directory / f"{family}.json"
    if not path.exists():
        models.TOKENIZERS[family]().save(str(path))
    benchmark.group = f"{family}: {len(TEXTS)} texts"
    ours, library = (Tokenizer.from_file(path, native=native) for native in (True, False))
    assert ours.native
    ids = ours.cut(TEXTS).ids
    backend = library._backend._tokenizer  # type: ignore[attr-defined]
    theirs = backend.encode_batch_fast(TEXTS, add_special_tokens=False)
    assert ids.tolist() == np.concatenate([encoding.ids for encoding in theirs]).tolist()
    if kind == "native":
        benchmark(ours.cut, TEXTS)
    else:
        benchmark(backend.encode_batch_fast, TEXTS, add_special_tokens=False)
