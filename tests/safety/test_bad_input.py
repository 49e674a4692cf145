"""What every wrong argument gets: its type and its words."""

import re
import tracemalloc

import numpy as np
import pytest

from rerank_core import (
    FailedPreconditionError,
    Inference,
    InvalidArgumentError,
    InvalidTypeError,
    MissingFieldError,
    NotFoundError,
    Reranker,
    TokenLimitError,
    UnknownParameterError,
)

GOOD = {"query": "a query", "documents": [{"text": "one"}, {"text": "two"}]}

DOCUMENTS = [
    ([], InvalidArgumentError, "documents must not be empty"),
    (
        "text",
        InvalidTypeError,
        "documents must be a Sequence of strings or Sequence of mappings, got str; put",
    ),
    (b"text", InvalidTypeError, "Sequence of mappings, got bytes"),
    ({"text": "a"}, InvalidTypeError, "got dict; put a single one into a list"),
    (None, InvalidTypeError, "Sequence of mappings, got NoneType"),
    (7, InvalidTypeError, "Sequence of mappings, got int"),
    ((text for text in "ab"), InvalidTypeError, "got generator; pass list(documents)"),
    ({"a", "b"}, InvalidTypeError, "got set; pass list(documents)"),
    (np.array([["a"]]), InvalidTypeError, "Sequence of mappings, got ndarray"),
    (
        ["a", None],
        InvalidTypeError,
        "each document must be a string or mapping, got NoneType at index 1",
    ),
    (["a", b"b"], InvalidTypeError, "got bytes at index 1; decode it first"),
    ([3.5], InvalidTypeError, "got float at index 0"),
    ([["a"]], InvalidTypeError, "got list at index 0"),
    (
        [{"text": "a"}, {"body": "b"}],
        MissingFieldError,
        "field 'text' not found in document at index 1",
    ),
    (
        [{"text": 5}],
        InvalidTypeError,
        "field 'text' of the document at index 0 must be a string, got int",
    ),
    (
        [{"text": None}],
        InvalidTypeError,
        "of the document at index 0 must be a string, got NoneType",
    ),
    (
        ["a", "b\ud800"],
        InvalidArgumentError,
        r"documents[1] holds the lone surrogate '\ud800' at position 1",
    ),
]
TOP_N = [
    (0, InvalidArgumentError, "top_n must be >= 1, got 0"),
    (-1, InvalidArgumentError, "top_n must be >= 1, got -1"),
    (True, InvalidTypeError, "top_n must be an integer, got bool"),
    (2.0, InvalidTypeError, "top_n must be an integer, got float"),
    ("2", InvalidTypeError, "top_n must be an integer, got str"),
    (np.array([1, 2]), InvalidTypeError, "top_n must be an integer, got ndarray"),
]
QUERIES = [
    ("", InvalidArgumentError, "query must be a non-empty string"),
    (" \n\t", InvalidArgumentError, "query must be a non-empty string"),
    (None, InvalidTypeError, "query must be a string, got NoneType"),
    (b"q", InvalidTypeError, "query must be a string, got bytes"),
    ("q\udfff", InvalidArgumentError, r"query holds the lone surrogate '\udfff' at position 1"),
]
RANK_FIELDS = [
    ("text", InvalidTypeError, "rank_fields must be a list of field names, got str"),
    (None, InvalidTypeError, "rank_fields must be a list of field names, got NoneType"),
    ([1], InvalidTypeError, "rank_fields must be a list of field names, got int in it"),
]
EVERYWHERE = [
    pytest.param({name: value}, kind, message, id=f"{name}={str(value)[:25]!a}")
    for name, cases in (
        ("documents", DOCUMENTS),
        ("top_n", TOP_N),
        ("query", QUERIES),
        ("rank_fields", RANK_FIELDS),
    )
    for value, kind, message in cases
]


@pytest.fixture(scope="module")
def inference(bundled):
    with Inference(
        models={
            "bge-reranker-v2-m3": bundled,
            "pinecone-rerank-v0": bundled,
            "cohere-rerank-3.5": bundled,
            "cohere-rerank-4-fast": bundled,
            "bundled": bundled,
        }
    ) as made:
        yield made


@pytest.mark.parametrize(("change", "kind", "message"), EVERYWHERE)
def test_reranker(bundled, change, kind, message):
    arguments = {**GOOD, **change}
    with pytest.raises(kind, match=re.escape(message)):
        bundled.rerank(arguments.pop("query"), arguments.pop("documents"), **arguments)


@pytest.mark.parametrize(("change", "kind", "message"), EVERYWHERE)
def test_inference(inference, change, kind, message):
    # A generator can be looked at once, and the parameters are shared with the test above.
    with pytest.raises(kind, match=re.escape(message)):
        inference.rerank(**{"model": "bundled", **GOOD, **change})


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"truncate": "end"}, InvalidArgumentError, "truncate must be 'END' or 'NONE', got 'end'"),
        (
            {"truncate": "START"},
            InvalidArgumentError,
            "truncate must be 'END' or 'NONE', got 'START'",
        ),
        ({"truncate": None}, InvalidTypeError, "truncate must be 'END' or 'NONE', got NoneType"),
        ({"max_tokens_per_doc": 0}, InvalidArgumentError, "max_tokens_per_doc must be >= 1, got 0"),
        (
            {"max_chunks_per_doc": 1.5},
            InvalidTypeError,
            "max_chunks_per_doc must be an integer, got float",
        ),
        ({"max_pair_tokens": 3}, InvalidArgumentError, "max_pair_tokens must be at least 4, got 3"),
        ({"text_of": 5}, InvalidTypeError, "text_of must be callable, got int"),
        ({"raw_scores": "no"}, InvalidTypeError, "raw_scores must be True or False, got str"),
        (
            {"text_of": lambda _: 5},
            InvalidTypeError,
            "text_of must return a string, got int for the document at index 0",
        ),
    ],
)
def test_options_of_a_call(bundled, change, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        bundled.rerank("q", ["a"], **change)
    with pytest.raises(kind, match=re.escape(message)):
        bundled.score("q", ["a"], **change)
    with pytest.raises(kind, match=re.escape(message)):
        bundled.score_pairs(["q"], ["a"], **change)


@pytest.mark.parametrize(
    ("queries", "documents", "kind", "message"),
    [
        (["q"], ["a", "b"], InvalidArgumentError, "must be of equal length, got 1 and 2"),
        ("q", ["a"], InvalidTypeError, "queries must be a Sequence"),
        (["q", 5], ["a", "b"], InvalidTypeError, "queries[1]: query must be a string, got int"),
        (
            ["q", " "],
            ["a", "b"],
            InvalidArgumentError,
            "queries[1]: query must be a non-empty string",
        ),
        (["q", "r\ud801"], ["a", "b"], InvalidArgumentError, "queries[1] holds the lone surrogate"),
        (
            ["q", "q", "\ud801"],
            ["a"] * 3,
            InvalidArgumentError,
            "queries[2] holds the lone surrogate",
        ),
        (["\ud801"] * 3, ["a"] * 3, InvalidArgumentError, "queries[0] holds the lone surrogate"),
    ],
)
def test_score_pairs(bundled, queries, documents, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        bundled.score_pairs(queries, documents)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"device": "tpu"},
            InvalidArgumentError,
            "device must be 'cpu', 'cuda' or 'cuda:N', got 'tpu'",
        ),
        ({"device": "cuda:x"}, InvalidArgumentError, "got 'cuda:x'"),
        ({"device": "cpu:1"}, InvalidArgumentError, "got 'cpu:1'"),
        ({"device": "cpu:"}, InvalidArgumentError, "got 'cpu:'"),
        ({"device": "cuda:"}, InvalidArgumentError, "got 'cuda:'"),
        ({"model": ""}, InvalidArgumentError, "model must not be empty"),
        (
            {"model": "x" * 5000},
            NotFoundError,
            "not found: it is neither 'bundled' nor a directory",
        ),
        ({"model": "~no-such-user"}, NotFoundError, "Model '~no-such-user' not found"),
        ({"raw_scores": 1}, InvalidTypeError, "raw_scores must be True or False, got int"),
        ({"precision": ["fp32"]}, InvalidTypeError, "precision must be a string, got list"),
        ({"model": 5}, InvalidTypeError, "model must be a string or a path, got int"),
        (
            {"provider_options": [1]},
            InvalidTypeError,
            "provider_options must be a mapping, got list",
        ),
        (
            {"provider_options": {"a": 1}},
            InvalidArgumentError,
            "provider_options are options of CUDA",
        ),
        ({"threads": 1025}, InvalidArgumentError, "threads must be <= 1024, got 1025"),
        ({"device": 0}, InvalidTypeError, "device must be a string, got int"),
        ({"precision": "int4"}, InvalidArgumentError, "precision must be one of fp32, fp16, int8"),
        ({"threads": 0}, InvalidArgumentError, "threads must be >= 1, got 0"),
        ({"threads": True}, InvalidTypeError, "threads must be an integer, got bool"),
        ({"token_budget": -5}, InvalidArgumentError, "token_budget must be >= 1, got -5"),
        (
            {"max_length": 513},
            InvalidArgumentError,
            "max_length must be between 4 and the model's 512, got 513",
        ),
        ({"max_length": 2}, InvalidArgumentError, "max_length must be between 4 and"),
    ],
)
def test_options_of_a_reranker(options, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        Reranker(**options)


@pytest.mark.parametrize(
    ("model", "change", "kind", "message"),
    [
        ("no-such-model", {}, NotFoundError, "Model 'no-such-model' not found"),
        (5, {}, InvalidTypeError, "model must be a string, got int"),
        ("", {}, InvalidArgumentError, "model must be a non-empty string"),
        (
            "bge-reranker-v2-m3",
            {"rank_fields": ["text", "title"]},
            InvalidArgumentError,
            "Only one rank field is supported for model bge-reranker-v2-m3",
        ),
        (
            "pinecone-rerank-v0",
            {"rank_fields": []},
            InvalidArgumentError,
            "Only one rank field is supported for model pinecone-rerank-v0",
        ),
        (
            "cohere-rerank-3.5",
            {"rank_fields": []},
            InvalidArgumentError,
            "rank_fields must name at least one",
        ),
        (
            "bge-reranker-v2-m3",
            {"documents": ["a"] * 101},
            InvalidArgumentError,
            "Document length '101' exceeded documents limit of 100",
        ),
        (
            "cohere-rerank-3.5",
            {"documents": ["a"] * 201},
            InvalidArgumentError,
            "Document length '201' exceeded documents limit of 200",
        ),
        (
            "cohere-rerank-3.5",
            {"parameters": {"truncate": "END"}},
            InvalidArgumentError,
            "Parameter 'truncate' is not supported for model 'cohere-rerank-3.5'",
        ),
        (
            "bge-reranker-v2-m3",
            {"parameters": {"max_chunks_per_doc": 2}},
            InvalidArgumentError,
            "Parameter 'max_chunks_per_doc' is not supported for model 'bge-reranker-v2-m3'",
        ),
        (
            "bge-reranker-v2-m3",
            {"parameters": {"not_a_real_param": 1}},
            UnknownParameterError,
            "parameters: unknown field `not_a_real_param`, expected one of `truncate`, `max_chunks_per_doc`, `max_tokens_per_doc`",
        ),
        (
            "bge-reranker-v2-m3",
            {"parameters": {"truncate": "end"}},
            InvalidArgumentError,
            "parameter 'truncate' must be one of 'END', 'NONE', got 'end'",
        ),
        (
            "bge-reranker-v2-m3",
            {"parameters": {"truncate": "MIDDLE"}},
            InvalidArgumentError,
            "parameter 'truncate' must be one of 'END', 'NONE', got 'MIDDLE'",
        ),
        (
            "bge-reranker-v2-m3",
            {"parameters": {"truncate": True}},
            InvalidTypeError,
            "parameter 'truncate' must be of type string, got bool",
        ),
        (
            "bge-reranker-v2-m3",
            {"parameters": ["truncate"]},
            InvalidTypeError,
            "parameters must be a mapping, got list",
        ),
        (
            "cohere-rerank-3.5",
            {"parameters": {"max_chunks_per_doc": 0}},
            InvalidArgumentError,
            "parameter 'max_chunks_per_doc' must be at least 1, got 0",
        ),
        (
            "cohere-rerank-3.5",
            {"parameters": {"max_chunks_per_doc": 3073}},
            InvalidArgumentError,
            "parameter 'max_chunks_per_doc' must be at most 3072, got 3073",
        ),
        (
            "cohere-rerank-3.5",
            {"parameters": {"max_chunks_per_doc": 2.0}},
            InvalidTypeError,
            "parameter 'max_chunks_per_doc' must be of type integer, got float",
        ),
    ],
)
def test_limits_of_a_card(inference, model, change, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        inference.rerank(**{"model": model, **GOOD, **change})


def test_no_field_to_rank_by(bundled):
    with pytest.raises(InvalidArgumentError, match="rank_fields must name at least one field"):
        bundled.rerank("q", [{"text": "a"}], rank_fields=[])


@pytest.mark.parametrize("models", [["bundled"], "bundled", 5])
def test_models_are_a_mapping(models):
    with pytest.raises(InvalidTypeError, match="models must be a mapping"):
        Inference(models=models)


def test_weights_are_a_path():
    with pytest.raises(
        InvalidTypeError, match=r"models\['x'\] must be a path or a Reranker, got int"
    ):
        Inference(models={"x": 5})  # type: ignore[dict-item]
    with pytest.raises(InvalidTypeError, match="models must have names, got int"):
        Inference(models={5: "bundled"})  # type: ignore[dict-item]


def test_options_of_an_inference():
    with pytest.raises(InvalidTypeError, match="Reranker has no option 'thread'"):
        Inference(thread=2)


def test_a_name_without_weights_says_so():
    with Inference() as inference:
        assert "bge-reranker-v2-m3" in inference.list_models().names()
        with pytest.raises(
            FailedPreconditionError, match="has no weights here; say which answer under"
        ):
            inference.rerank("bge-reranker-v2-m3", "q", ["a"])


def test_one_long_pair_fails_the_request_and_is_named(inference):
    documents = ["short", "word " * 2000, "also short", "word " * 3000]
    with pytest.raises(TokenLimitError) as caught:
        inference.rerank("bge-reranker-v2-m3", "query", documents)
    error = caught.value
    assert error.details is not None
    assert [entry["index"] for entry in error.details["documents"]] == [1, 3]
    assert error.details["documents"][1]["tokens"] == 3004
    assert "pair with 3004 tokens, which exceeds the maximum token limit of 512 for" in str(error)
    assert error.to_dict()["status"] == 400


@pytest.mark.parametrize(
    "text", ["", " ", "\0", "a\0b", "\u200b\u200d", "\U0010ffff", "\ufeff", "[SEP] [CLS]"]
)
def test_odd_text_gets_a_score(bundled, text):
    scores = bundled.score("a query", [text, "plain", text])
    assert np.isfinite(scores).all()
    assert scores[0] == scores[2]


def test_a_query_of_nul_bytes_gets_scores(bundled):
    assert np.isfinite(bundled.score("\0\0", ["a", "b"])).all()


def test_five_megabytes_in_one_document(bundled):
    result = bundled.rerank("copper bridge", ["copper bridge", "bread " * 850_000])
    assert [hit.index for hit in result.data] == [0, 1]
    assert result.truncated == (1,)


def test_a_query_longer_than_the_limit_is_cut_and_every_document_reported(bundled):
    result = bundled.rerank("copper " * 600, ["a", "b"])
    assert result.truncated == (0, 1)
    assert result.usage.total_tokens == 2 * 512


def test_ten_thousand_documents(bundled):
    documents = [f"bread recipe number {place}" for place in range(10_000)]
    documents[77] = "a copper bridge over the silver river"
    tracemalloc.start()
    result = bundled.rerank("copper bridge", documents, top_n=3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.data[0].index == 77
    assert len(result.data) == 3
    assert peak < 40e6


def test_top_n_larger_than_the_list_gives_all(bundled):
    assert len(bundled.rerank("q", ["a", "b"], top_n=99).data) == 2
    assert len(bundled.rerank("q", ["a", "b"], top_n=np.int64(1)).data) == 1


def test_list_models():
    with Inference() as inference:
        for argument, allowed in (
            ("type", "'embed', 'rerank'"),
            ("vector_type", "'dense', 'sparse'"),
        ):
            with pytest.raises(
                InvalidArgumentError, match=f"{argument} must be one of {allowed}, got 'foo'"
            ):
                inference.list_models(**{argument: "foo"})
        with pytest.raises(
            InvalidArgumentError, match="vector_type is not supported when type='rerank'"
        ):
            inference.list_models(type="rerank", vector_type="dense")
        with pytest.raises(NotFoundError, match="Model 'x' not found"):
            inference.get_model("x")
        with pytest.raises(
            InvalidArgumentError, match="Provide either model= or model_name=, not both"
        ):
            inference.get_model("x", model_name="y")
        with pytest.raises(InvalidTypeError, match="model must be a string, got NoneType"):
            inference.get_model()
        assert len(inference.list_models(type="embed")) == 0
        assert len(inference.list_models(vector_type="dense")) == 0
        assert inference.list_models() == inference.list_models("rerank")
