"""`Tokenizer`, `Encoded`, and documents that were encoded before."""

import gzip
import logging

import numpy as np
import pytest

from rerank_core import (
    Encoded,
    InvalidArgumentError,
    InvalidTypeError,
    ModelError,
    Reranker,
    Tokenizer,
    TokenLimitError,
)
from tests import models

TEXTS = ["river stone", "", "The lamp, a naïve café."]


@pytest.fixture(scope="module", params=[True, False], ids=["native", "library"])
def tokenizer(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    models.wordpiece().save(str(path))
    return Tokenizer.from_file(str(path), native=request.param)


def test_special_tokens_are_put_around_each_text(tokenizer):
    bare = tokenizer.encode(TEXTS, add_special_tokens=False)
    framed = tokenizer.encode(TEXTS)
    assert len(bare) == len(framed) == 3
    assert [framed[i].tolist() for i in range(3)] == [[2, *bare[i].tolist(), 3] for i in range(3)]
    assert (bare.special_tokens, framed.special_tokens) == (False, True)
    assert bare.ids.dtype == framed.ids.dtype == np.int32
    assert bare.offsets.dtype == framed.offsets.dtype == np.int64
    assert bare.type_ids is None


def test_encoded_is_a_sequence_of_ids(tokenizer):
    encoded = tokenizer.encode(TEXTS)
    assert encoded[-1].tolist() == encoded[2].tolist()
    assert len(list(encoded)) == 3
    with pytest.raises(IndexError, match="there are 3 texts, not one at 3"):
        encoded[3]


def test_pairs_are_rows_with_type_ids(tokenizer):
    rows = tokenizer.encode_pairs("stone", TEXTS, max_length=6)
    query = tokenizer.cut(["stone"]).ids.tolist()
    for index, document in enumerate(TEXTS):
        room = 6 - 3 - len(query)
        kept = tokenizer.cut([document]).ids.tolist()[:room]
        assert rows[index].tolist() == [2, *query, 3, *kept, 3]
        types = rows.type_ids[rows.offsets[index] : rows.offsets[index + 1]].tolist()
        assert types == [0] * (len(query) + 2) + [1] * (len(kept) + 1)
    whole = tokenizer.encode_pairs("stone", TEXTS)
    assert len(whole.ids) > len(rows.ids)
    assert len(tokenizer.encode_pairs("stone", [])) == 0


@pytest.mark.parametrize("empty", [[], ()])
def test_no_texts(tokenizer, empty):
    encoded = tokenizer.encode(empty)
    assert (encoded.ids.tolist(), encoded.offsets.tolist()) == ([], [0])


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ("a text", InvalidTypeError, "texts must be a sequence of strings, got str"),
        (7, InvalidTypeError, "texts must be a sequence of strings, got int"),
        (["a", b"b"], InvalidTypeError, r"texts\[1\] must be a string, got bytes"),
        (["a", "b\ud800"], InvalidArgumentError, r"texts\[1\] holds the lone surrogate '\\ud800'"),
    ],
)
def test_bad_texts_are_named(tokenizer, texts, error, message):
    with pytest.raises(error, match=message):
        tokenizer.encode(texts)


def test_bad_max_length(tokenizer):
    with pytest.raises(InvalidArgumentError, match="max_length must be at least 4, got 3"):
        tokenizer.encode_pairs("a", ["b"], max_length=3)
    with pytest.raises(InvalidTypeError, match="max_length must be an integer"):
        tokenizer.encode_pairs("a", ["b"], max_length="9")


def test_a_text_without_ids_is_named(tmp_path):
    tokenizer = models.wordpiece()
    tokenizer.model.unk_token = "[gone]"  # noqa: S105
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    for native in (True, False):
        ours = Tokenizer.from_file(path, native=native)
        with pytest.raises(ModelError, match=r"has no ids for texts\[1\]"):
            ours.encode(["river", "%"])


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"\xff\xfe", b"\x1f\x8bcut", gzip.compress(b"{}" * 50)[:-9]]
)
def test_what_is_no_tokenizer_is_refused(tmp_path, data):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"tokenizer\.json is not a tokenizer\.json: "):
        Tokenizer.from_file(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"nowhere\.json cannot be read"):
        Tokenizer.from_file(tmp_path / "nowhere.json")


def test_native_loading_is_quiet(tmp_path, caplog):
    path = tmp_path / "tokenizer.json"
    models.wordpiece().save(str(path))
    with caplog.at_level(logging.DEBUG, "rerank_core"):
        assert Tokenizer.from_file(path).name == "native"
    assert not caplog.records


DOCUMENTS = [*models.texts(20, seed=3), "", "x " * 900]
QUERY = "river stone lamp"


def test_encoded_documents_score_as_their_texts_do(bundled, random_bert):
    for reranker in (bundled, random_bert):
        encoded = reranker.encode_documents(DOCUMENTS)
        stored = Encoded(encoded.ids.copy(), encoded.offsets.copy(), tokenizer=encoded.tokenizer)
        expected = reranker.rerank(QUERY, DOCUMENTS, top_n=5)
        for documents in (encoded, stored):
            assert (
                reranker.score(QUERY, documents).tolist()
                == reranker.score(QUERY, DOCUMENTS).tolist()
            )
            found = reranker.rerank(QUERY, documents, top_n=5)
            assert [(d.index, d.score) for d in found.data] == [
                (d.index, d.score) for d in expected.data
            ]
            assert [d.document for d in found.data] == [None] * 5
            assert (found.usage, found.truncated) == (expected.usage, expected.truncated)
        queries = [QUERY, "lamp"] * (len(DOCUMENTS) // 2)
        assert (
            reranker.score_pairs(queries, encoded).tolist()
            == reranker.score_pairs(queries, DOCUMENTS).tolist()
        )


def test_encoded_documents_follow_the_limits_of_a_call(random_bert):
    encoded = random_bert.encode_documents(DOCUMENTS)
    for options in ({"max_chunks_per_doc": 3}, {"max_tokens_per_doc": 7}, {"max_pair_tokens": 20}):
        assert (
            random_bert.score(QUERY, encoded, **options).tolist()
            == random_bert.score(QUERY, DOCUMENTS, **options).tolist()
        )
    with pytest.raises(TokenLimitError):
        random_bert.rerank(QUERY, encoded, truncate="NONE")


def test_fields_and_text_of_are_encoded(random_bert):
    documents = [{"a": "river", "b": "stone"}]
    encoded = random_bert.encode_documents(documents, rank_fields=["a", "b"])
    assert encoded.ids.tolist() == random_bert.encode_documents(["river\nstone"]).ids.tolist()
    other = random_bert.encode_documents(documents, text_of=lambda document: document["b"])
    assert other.ids.tolist() == random_bert.encode_documents(["stone"]).ids.tolist()


def test_documents_of_another_tokenizer_are_refused(bundled, random_bert):
    foreign = bundled.encode_documents(["river"])
    with pytest.raises(InvalidArgumentError, match="encoded by another tokenizer"):
        random_bert.rerank(QUERY, foreign)
    unmarked = Encoded(foreign.ids, foreign.offsets)
    with pytest.raises(InvalidArgumentError, match="encoded by another tokenizer"):
        bundled.rerank(QUERY, unmarked)


def broken(encoded, **changes):
    parts = {"ids": encoded.ids, "offsets": encoded.offsets, "tokenizer": encoded.tokenizer}
    return Encoded(**{**parts, **changes})


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"ids": [1, 2]}, InvalidTypeError, "ids of the encoded documents must be a one-dim"),
        ({"ids": np.zeros(2)}, InvalidTypeError, "ids of the encoded documents must be a one-dim"),
        ({"offsets": np.zeros(2, np.int32)}, InvalidTypeError, "offsets of the encoded documents"),
        ({"ids": np.array([-1], np.int32)}, InvalidArgumentError, "must be between 0 and"),
        ({"ids": np.array([10**6], np.int32)}, InvalidArgumentError, "must be between 0 and"),
        (
            {"offsets": np.array([0, 99])},
            InvalidArgumentError,
            "offsets of the encoded documents must start with 0",
        ),
        (
            {"offsets": np.array([], np.int64)},
            InvalidArgumentError,
            "offsets of the encoded documents must start with 0",
        ),
        ({"special_tokens": True}, InvalidArgumentError, "hold special tokens"),
    ],
)
def test_broken_encoded_documents_are_refused(random_bert, changes, error, message):
    encoded = random_bert.encode_documents(["river"])
    with pytest.raises(error, match=message):
        random_bert.score(QUERY, broken(encoded, **changes))


def test_encoded_documents_have_no_text(random_bert):
    encoded = random_bert.encode_documents(["river"])
    with pytest.raises(InvalidArgumentError, match="text_of has no use"):
        random_bert.score(QUERY, encoded, text_of=str)


def test_a_closed_reranker_encodes_nothing(model_directory):
    reranker = Reranker(model_directory)
    reranker.close()
    with pytest.raises(Exception, match="closed"):
        reranker.encode_documents(["river"])
    assert len(reranker.tokenizer.encode(["river"])) == 1, "a tokenizer needs no engine"
