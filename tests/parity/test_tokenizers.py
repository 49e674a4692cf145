"""Ids and type ids of pairs against the `tokenizers` library itself, for every layout and real file."""

import gzip

import numpy as np
import pytest
import tokenizers as hf

from rerank_core import _core
from rerank_core.tokenizer import Tokenizer
from tests import models, shared

DATA = shared.DATA / "tokenizers"
FILES = sorted(DATA.rglob("*tokenizer*.json*"))
DOCUMENTS = [
    *models.texts(30, seed=5),
    "",
    " ",
    "[SEP] </s> <s>",
    "a\0b",
    "naïve ﬁ ½ ﷺ 東京 🙂‍↔️",
    "x" * 300,
]
QUERY = "What is a naïve café?"


def compare(path, max_length):
    reference = hf.Tokenizer.from_file(str(path))
    reference.no_padding()
    reference.enable_truncation(max_length, strategy="only_second")
    expected = reference.encode_batch([(QUERY, document) for document in DOCUMENTS])

    ours = Tokenizer(path)
    query, documents = ours.encode([QUERY]), ours.encode(DOCUMENTS)
    packed = _core.pack_pairs(
        ours.layout,
        query.ids,
        query.offsets,
        documents.ids,
        documents.offsets,
        np.zeros(len(DOCUMENTS), np.int64),
        _core.PairLimits(row_tokens=max_length),
    )
    for row, encoding in enumerate(expected):
        length = len(encoding.ids)
        assert packed["row_tokens"][row] == length
        assert packed["input_ids"][row, :length].tolist() == encoding.ids
        assert packed["token_type_ids"][row, :length].tolist() == encoding.type_ids


@pytest.mark.parametrize("max_length", [512, 40])
@pytest.mark.parametrize("family", models.TOKENIZERS)
def test_made_tokenizers(tmp_path, family, max_length):
    path = tmp_path / "tokenizer.json"
    models.TOKENIZERS[family]().save(str(path))
    compare(path, max_length)


@pytest.mark.skipif(not FILES, reason="the real tokenizers of ../shared/data are not here")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
@pytest.mark.parametrize("max_length", [512, 40])
def test_real_tokenizers(tmp_path, path, max_length):
    data = path.read_bytes()
    plain = tmp_path / "tokenizer.json"
    plain.write_bytes(gzip.decompress(data) if path.suffix == ".gz" else data)
    compare(plain, max_length)
