"""Which dialect a request is taken for."""

import pytest

from rerank_core import InvalidArgumentError
from rerank_core.serving.dialects import DIALECTS
from rerank_core.serving.refusals import MethodNotAllowedError, NoSuchPathError
from rerank_core.serving.router import Router

COMMON = {"model": "m", "query": "q", "documents": ["d"]}
COHERE = {"x-fern-sdk-name": "cohere"}


def dialect_of(path, headers, body, pinned=None):
    router = Router(pinned)
    return router.choose(router.places("POST", path), path, headers, body).dialect.name


@pytest.mark.parametrize(
    ("path", "headers", "body", "name"),
    [
        ("/rerank", {"api-key": "k"}, COMMON, "pinecone"),
        ("/rerank", {"x-pinecone-api-version": "2025-04"}, COMMON, "pinecone"),
        ("/rerank", {}, {**COMMON, "rank_fields": ["a"]}, "pinecone"),
        ("/rerank", {}, {"query": "q", "texts": ["d"]}, "tei"),
        ("/rerank", {}, {**COMMON, "truncate_prompt_tokens": 5}, "vllm"),
        ("/rerank", {}, {**COMMON, "raw_scores": True}, "infinity"),
        ("/rerank", {}, {**COMMON, "top_k": None}, "voyage"),
        ("/rerank", {}, {"queries": [], "sources": [], "rerankingConfiguration": {}}, "bedrock"),
        ("/rerank", {"x-portkey-api-key": "k"}, COMMON, "portkey"),
        ("/v1/rerank", {"x-portkey-config": "c"}, {**COMMON, "truncation": True}, "portkey"),
        ("/v1/rerank", {}, {**COMMON, "truncation": True}, "voyage"),
        ("/v1/rerank", COHERE, COMMON, "cohere-v1"),
        ("/v1/rerank", {}, {**COMMON, "max_chunks_per_doc": 1}, "cohere-v1"),
        ("/v1/rerank", {}, {**COMMON, "top_n": 1}, "cohere-v1"),
        ("/v1/rerank", {}, {**COMMON, "model": "jina-reranker-v2"}, "jina"),
        ("/v1/rerank", {}, COMMON, "apertis"),
        ("/v1/rerank", {}, {**COMMON, "use_activation": True}, "vllm"),
        ("/v2/rerank", {}, COMMON, "cohere-v2"),
        ("/v2/rerank", {}, {**COMMON, "truncate_prompt_tokens": 5}, "vllm"),
        ("/providers/cohere/v2/rerank", {"api-key": "k"}, COMMON, "azure"),
        ("//v1//rerank/", {}, COMMON, "apertis"),
        ("/v1/v2/rerank", {}, COMMON, "cohere-v2"),
        ("/score", {}, {"text_1": "a", "text_2": "b"}, "vllm"),
        ("/infinity/rerank", {}, COMMON, "infinity"),
        ("/voyage/v1/rerank", {}, COMMON, "voyage"),
        ("/pinecone/v1/rerank", {}, COMMON, "pinecone"),
    ],
)
def test_requests_of_clients(path, headers, body, name):
    assert dialect_of(path, headers, body) == name


def test_ambiguity_is_told():
    with pytest.raises(
        InvalidArgumentError, match=r"meant for pinecone, vllm, infinity\. Send it to"
    ):
        dialect_of("/rerank", {"authorization": "Bearer k"}, COMMON)


@pytest.mark.parametrize("name", DIALECTS)
def test_each_dialect_is_below_its_name_and_alone_on_a_pinned_server(name):
    for operation in DIALECTS[name].operations:
        for path in operation.paths:
            assert dialect_of(f"/{name}{path}", {}, {}) == name
            assert dialect_of(path, {}, {}, name) == name
    if name != "azure":
        with pytest.raises(NoSuchPathError):
            Router(name).places("POST", "/providers/cohere/v2/rerank")


def test_other_paths_and_methods():
    router = Router()
    for path in ("/embed", "/v3/rerank", "/none/rerank", "/%00", "/models/"[:-1] + "x"):
        with pytest.raises(NoSuchPathError):
            router.places("POST", path)
    with pytest.raises(MethodNotAllowedError, match=r"/rerank takes POST, got GET") as caught:
        router.places("GET", "/rerank")
    assert caught.value.allowed == ("POST",)
    assert router.places("GET", "/models/a/b")[0].name == "a/b"
    assert router.places("HEAD", "/models")[0].dialect.name == "pinecone"
    with pytest.raises(InvalidArgumentError, match=r"dialect: must be one of pinecone, .* got 'x'"):
        Router("x")
