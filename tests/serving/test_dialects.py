"""Each dialect's replies and errors, key by key, as the providers' documents and recorded replies have them."""

import json
import math

import pytest

from tests.serving.running import BEST, DOCUMENTS, QUERY

MODEL = "bundled"
OBJECTS = [{"text": text, "id": f"vec{i}"} for i, text in enumerate(DOCUMENTS)]
LONG = "word " * 3000


def asked(**more):
    body = {"model": MODEL, "query": QUERY, "documents": DOCUMENTS, **more}
    return {key: value for key, value in body.items() if value is not ...}


@pytest.fixture(scope="module")
def scores(bundled):
    """The engine's own, best first."""
    return [hit.score for hit in bundled.rerank(QUERY, DOCUMENTS).data]


def near(scores):
    return pytest.approx(scores, rel=1e-6)


def test_pinecone(server, scores):
    reply = server.post(
        "/rerank",
        asked(model="bge-reranker-v2-m3", documents=OBJECTS, parameters={"truncate": "END"}),
        Api_Key="k",
        X_Pinecone_Api_Version="2025-04",
    )
    assert reply.status_code == 200
    assert reply.json() == {
        "model": "bge-reranker-v2-m3",
        "data": [
            {"index": index, "score": score, "document": OBJECTS[index]}
            for index, score in zip(BEST, scores, strict=True)
        ],
        "usage": {"rerank_units": 1},
    }


def test_pinecone_without_documents(server):
    body = asked(documents=OBJECTS, return_documents=False, top_n=2)
    reply = server.post("/rerank", body, Api_Key="k").json()
    assert [sorted(hit) for hit in reply["data"]] == [["index", "score"]] * 2


def test_pinecone_models(server):
    models = server.get("/models?type=rerank").json()["models"]
    by_name = {model["model"]: model for model in models}
    assert by_name["bge-reranker-v2-m3"] == server.get("/models/bge-reranker-v2-m3").json()
    bge = by_name["bge-reranker-v2-m3"]
    assert (bge["max_sequence_length"], bge["max_batch_size"]) == (1024, 100)
    assert bge["supported_parameters"] == [
        {
            "parameter": "truncate",
            "type": "one_of",
            "value_type": "string",
            "required": False,
            "default": "NONE",
            "allowed_values": ["END", "NONE"],
        }
    ]
    assert server.get("/models?type=embed").json() == {"models": []}
    assert server.get("/models?vector_type=dense").json() == {"models": []}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (
            asked(model="bge-reranker-v2-m3", documents=[{"text": LONG}]),
            400,
            "Request contains a query+document pair with",
        ),
        (asked(documents=[{"title": "x"}]), 400, "field 'text' not found in document at index 0"),
        (
            asked(model="bge-reranker-v2-m3", documents=OBJECTS, rank_fields=["text", "id"]),
            400,
            "Only one rank field is supported for model",
        ),
        (asked(model="unknown-model", documents=OBJECTS), 404, "Model 'unknown-model' not found"),
        (
            asked(model="bge-reranker-v2-m3", documents=[{"text": "a"}] * 101),
            400,
            "Document length '101' exceeded documents limit of 100",
        ),
        (asked(model="cohere-rerank-3.5", documents=OBJECTS), 412, "has no weights here"),
        (asked(documents=[]), 400, "documents must not be empty"),
        (asked(documents=OBJECTS, query=" "), 400, "query must be a non-empty string"),
        (asked(documents=OBJECTS, top_n=0), 400, "top_n must be >= 1, got 0"),
        (asked(documents=[{"text": 7}]), 400, "field 'text' of the document at index 0"),
        (asked(documents=OBJECTS, parameters={"truncate": "START"}), 400, "must be one of 'END'"),
    ],
)
def test_pinecone_errors(server, body, status, message):
    reply = server.post("/rerank", body, Api_Key="k")
    assert reply.status_code == status
    told = reply.json()
    assert told["status"] == status
    assert message in told["error"]["message"]
    assert told["error"]["code"].isupper()


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (
            asked(documents=OBJECTS, parameters={"not_a_real_param": 1}),
            422,
            (
                "Failed to deserialize the JSON body into the target type: parameters: unknown field "
                "`not_a_real_param`, expected one of `truncate`, `max_chunks_per_doc`, "
                "`max_tokens_per_doc`"
            ),
        ),
        (asked(model=..., documents=OBJECTS), 422, "missing field `model`"),
        (asked(), 422, "documents[0]: expected `object`, got `str`"),
        (asked(documents=OBJECTS, top_n="3"), 422, "top_n: expected `int | null`, got `str`"),
        ('{"model": ', 400, "Failed to parse the request body as JSON: Expecting value"),
    ],
)
def test_pinecone_refuses_a_body_as_axum_does(server, body, status, text):
    reply = server.post("/rerank", body, Api_Key="k")
    assert reply.status_code == status
    assert reply.headers["content-type"].startswith("text/plain")
    assert text in reply.text


def test_pinecone_models_errors(server):
    assert server.get("/models/none").json()["error"]["code"] == "NOT_FOUND"
    told = server.get("/models?type=rerank&vector_type=dense")
    assert told.status_code == 400
    assert told.json()["error"]["message"] == (
        "vector_type parameter is not supported for rerank models"
    )


def test_cohere_v1(server, scores):
    reply = server.post(
        "/v1/rerank", asked(model=..., return_documents=True, top_n=2, documents=[*OBJECTS])
    ).json()
    assert sorted(reply) == ["id", "meta", "results"]
    assert reply["results"] == [
        {"index": index, "relevance_score": near(score), "document": OBJECTS[index]}
        for index, score in zip(BEST[:2], scores[:2], strict=True)
    ]
    assert reply["meta"] == {"api_version": {"version": "1"}, "billed_units": {"search_units": 1}}
    strings = server.post("/v1/rerank", asked(return_documents=True)).json()["results"]
    assert strings[0]["document"] == {"text": DOCUMENTS[1]}
    without = server.post("/v1/rerank", asked(top_n=50)).json()["results"]
    assert [sorted(hit) for hit in without] == [["index", "relevance_score"]] * 3


def test_cohere_v1_ranks_by_fields(server):
    documents = [{"title": "The sky", "body": "is blue"}, {"title": "Dough", "body": "rises"}]
    reply = server.post("/v1/rerank", asked(documents=documents, rank_fields=["title", "body"]))
    assert [hit["index"] for hit in reply.json()["results"]] == [0, 1]
    mixed = server.post("/v1/rerank", asked(documents=["Sky", *documents], rank_fields=["title"]))
    assert {hit["index"] for hit in mixed.json()["results"]} == {0, 1, 2}


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("v1", asked(documents=[], top_n=1), 400, "list of documents must not be empty"),
        ("v1", asked(query=" ", top_n=1), 400, "query must not be empty or be only whitespace"),
        ("v2", asked(documents=["a", ""]), 400, "document at index 1 cannot be empty"),
        ("v1", asked(rank_fields=[]), 400, "rank_fields cannot be empty, it must either contain"),
        ("v2", asked(top_n=0), 400, "return_top_n is invalid, value must be between 1 and 3"),
        ("v2", asked(model=...), 400, "a model parameter is required for this endpoint."),
        ("v1", asked(max_chunks_per_doc=9999), 400, "must be less than 10000"),
        ("v2", asked(rank_fields=["text"]), 422, "unknown field: parameter 'rank_fields'"),
        ("v2", asked(documents=OBJECTS), 422, "documents[0]: expected `str`, got `object`"),
        ("v2", asked(model="none"), 404, "Model 'none' not found"),
        ("v2", "[", 400, "invalid request: Expecting value"),
        (
            "v2",
            asked(model="bge-reranker-v2-m3", max_tokens_per_doc=4),
            400,
            "'max_tokens_per_doc' is not supported for model 'bge-reranker-v2-m3'",
        ),
    ],
)
def test_cohere_errors(server, path, body, status, message):
    reply = server.post(f"/cohere-{path}/{path}/rerank", body)
    assert reply.status_code == status
    assert sorted(reply.json()) == ["id", "message"]
    assert message in reply.json()["message"]


def test_cohere_v2(server, scores, bundled):
    reply = server.post("/v2/rerank", asked(priority=3)).json()
    assert sorted(reply) == ["id", "meta", "results"]
    assert reply["results"] == [
        {"index": index, "relevance_score": near(score)}
        for index, score in zip(BEST, scores, strict=True)
    ]
    cut = server.post("/v2/rerank", asked(max_tokens_per_doc=2)).json()["results"]
    expected = bundled.rerank(QUERY, DOCUMENTS, max_tokens_per_doc=2).data
    assert [hit["relevance_score"] for hit in cut] == near([hit.score for hit in expected])
    many = server.post("/v2/rerank", asked(documents=["a"] * 101)).json()
    assert many["meta"]["billed_units"] == {"search_units": 2}


def test_azure_is_cohere_below_another_path(server):
    reply = server.post("/providers/cohere/v2/rerank", asked(), api_key="k").json()
    assert [hit["index"] for hit in reply["results"]] == BEST
    assert sorted(reply) == ["id", "meta", "results"]


def test_jina(server, scores):
    body = asked(model="jina-reranker-v2", documents=[DOCUMENTS[0], *OBJECTS[1:]])
    reply = server.post("/v1/rerank", {**body, "return_documents": True}).json()
    assert sorted(reply) == ["model", "object", "results", "usage"]
    assert reply["usage"]["total_tokens"] > 20
    assert reply["results"][0] == {
        "index": 1,
        "relevance_score": near(scores[0]),
        "document": {"text": DOCUMENTS[1]},
    }
    assert "document" not in server.post("/v1/rerank", body).json()["results"][0]
    bad = server.post("/jina/v1/rerank", asked(documents=[{"image": "x"}]))
    assert bad.status_code == 422
    assert bad.json()["detail"].startswith("[RID: ")


def test_voyage(server, scores):
    reply = server.post("/v1/rerank", asked(top_k=None, truncation=True)).json()
    assert (reply["object"], reply["model"]) == ("list", MODEL)
    assert [hit["relevance_score"] for hit in reply["data"]] == near(scores)
    assert reply["usage"]["total_tokens"] > 20
    assert "document" not in reply["data"][0]
    echoed = server.post("/v1/rerank", asked(top_k=1, return_documents=True)).json()["data"]
    assert [hit["document"] for hit in echoed] == [DOCUMENTS[1]]


def test_voyage_refuses_long_documents_where_they_may_not_be_cut(server):
    reply = server.post("/v1/rerank", asked(documents=[LONG], truncation=False))
    assert reply.status_code == 400
    assert "exceeds the maximum token limit of 512" in reply.json()["detail"]
    assert server.post("/v1/rerank", asked(documents=[LONG], truncation=True)).status_code == 200
    assert server.post("/v1/rerank", asked(model="none", top_k=1)).status_code == 400
    bad = server.post("/v1/rerank", asked(top_k=0)).json()["detail"]
    assert bad == "top_k must be >= 1, got 0"


def test_apertis(server, scores):
    reply = server.post("/v1/rerank", asked(), Authorization="Bearer k").json()
    assert reply == {
        "results": [
            {"index": index, "relevance_score": near(score)}
            for index, score in zip(BEST, scores, strict=True)
        ]
    }
    assert server.post("/v1/rerank", asked(documents=[])).status_code == 400
    assert server.post("/apertis/v1/rerank", asked(top_n=1)).status_code == 400
    assert server.post("/v1/rerank", asked(model="none")).status_code == 503


def test_portkey(server, scores):
    body = asked(documents=[DOCUMENTS[0], *OBJECTS[1:]], top_n=2, return_documents=True)
    reply = server.post("/v1/rerank", body, x_portkey_api_key="k", x_portkey_provider="@cohere")
    told = reply.json()
    assert told.pop("id").startswith("rerank-")
    assert told == {
        "object": "list",
        "results": [
            {"index": index, "relevance_score": near(score), "document": OBJECTS[index]}
            for index, score in zip(BEST[:2], scores[:2], strict=True)
        ],
        "model": MODEL,
        "usage": {"search_units": 1},
        "provider": "cohere",
    }


def test_portkey_takes_every_field(server, bundled):
    documents = [{"title": text, "text": "other"} for text in DOCUMENTS]
    body = asked(
        model="cohere.bundled",
        documents=documents,
        rank_fields=["title"],
        max_tokens_per_doc=3,
        priority=1.0,
        truncation=True,
        parameters={"max_chunks_per_doc": 2},
    )
    reply = server.post("/rerank", body, x_portkey_provider="azure-ai").json()
    expected = bundled.rerank(QUERY, DOCUMENTS, max_tokens_per_doc=3, max_chunks_per_doc=2).data
    assert [(hit["index"], hit["relevance_score"]) for hit in reply["results"]] == [
        (hit.index, near(hit.score)) for hit in expected
    ]


def test_portkey_errors(server):
    long = asked(documents=[LONG], truncation=False)
    reply = server.post("/v1/rerank", long, x_portkey_provider="pinecone")
    assert reply.status_code == 400
    told = reply.json()
    assert told["provider"] == "pinecone"
    assert told["error"]["message"].startswith("pinecone error: Request contains a query+document")
    # Without a word of it, the model's card says: bge-reranker-v2-m3 refuses.
    silent = asked(model="bge-reranker-v2-m3", documents=[LONG])
    assert server.post("/v1/rerank", silent, x_portkey_provider="p").status_code == 400


def test_tei(server, scores, bundled):
    body = {"query": QUERY, "texts": DOCUMENTS}
    reply = server.post("/rerank", body).json()
    assert reply == [
        {"index": index, "score": near(score)} for index, score in zip(BEST, scores, strict=True)
    ]
    raw = server.post("/rerank", {**body, "raw_scores": True, "return_text": True}).json()
    logits = [hit.score for hit in bundled.rerank(QUERY, DOCUMENTS, raw_scores=True).data]
    assert [hit["score"] for hit in raw] == near(logits)
    assert [hit["text"] for hit in raw] == [DOCUMENTS[index] for index in BEST]
    info = server.get("/info").json()
    assert (info["model_id"], info["max_input_length"]) == ("bundled", 512)
    assert info["max_client_batch_size"] == 500
    assert server.get("/tei/health").status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"query": "a", "texts": []}, 400, "`texts` cannot be empty"),
        (
            {"query": "a", "texts": ["b"] * 501},
            413,
            "batch size 501 > maximum allowed batch size 500",
        ),
        (
            {"query": "a", "texts": [LONG], "truncate": False},
            413,
            "Input validation error: `inputs` must have less than 512 tokens. Given: ",
        ),
        (
            {"query": "a", "texts": ["b"], "truncation_direction": "left"},
            400,
            "`truncation_direction` must be 'right'",
        ),
    ],
)
def test_tei_errors(server, body, status, message):
    reply = server.post("/rerank", body)
    assert reply.status_code == status
    assert reply.json()["error"].startswith(message)
    assert reply.json()["error_type"] == "Validation"


def test_tei_refuses_a_body_as_axum_does(server):
    reply = server.post("/tei/rerank", {"query": "a"})
    assert reply.status_code == 422
    assert reply.text == (
        "Failed to deserialize the JSON body into the target type: missing field `texts`"
    )


def test_vllm(server, scores, bundled):
    body = asked(model=..., truncate_prompt_tokens=-1)
    for path in ("/rerank", "/v1/rerank", "/v2/rerank"):
        reply = server.post(path, body).json()
        assert sorted(reply) == ["id", "model", "results", "usage"]
        assert [hit["relevance_score"] for hit in reply["results"]] == near(scores)
        assert reply["results"][0]["document"] == {"text": DOCUMENTS[1], "multi_modal": None}
        assert reply["usage"]["prompt_tokens"] == reply["usage"]["total_tokens"] > 20
    raw = server.post("/vllm/rerank", asked(top_n=1, use_activation=False)).json()["results"]
    assert len(raw) == 1
    assert 1 / (1 + math.exp(-raw[0]["relevance_score"])) == near(scores[0])
    cut = server.post("/vllm/rerank", asked(truncate_prompt_tokens=12)).json()["results"]
    expected = bundled.rerank(QUERY, DOCUMENTS, max_pair_tokens=12).data
    assert [hit["relevance_score"] for hit in cut] == near([hit.score for hit in expected])


def test_vllm_scores_in_the_order_of_the_request(server, bundled):
    reply = server.post("/v1/score", {"text_1": QUERY, "text_2": DOCUMENTS}).json()
    assert [hit["index"] for hit in reply["data"]] == [0, 1, 2]
    expected = bundled.score(QUERY, DOCUMENTS).tolist()
    assert [hit["score"] for hit in reply["data"]] == near(expected)
    assert reply["object"] == "list"
    assert reply["data"][0]["object"] == "score"
    one = server.post("/score", {"text_1": [QUERY], "text_2": DOCUMENTS[0]}).json()
    assert [hit["score"] for hit in one["data"]] == near(expected[:1])
    assert [m["id"] for m in server.get("/v1/models").json()["data"]] == [
        "bundled",
        "bge-reranker-v2-m3",
        "jina-reranker-v2",
    ]


@pytest.mark.parametrize(
    ("path", "body", "status", "kind", "message"),
    [
        (
            "/rerank",
            asked(documents=[LONG]),
            400,
            "BadRequestError",
            "maximum context length is 512",
        ),
        ("/rerank", asked(model="none"), 404, "NotFoundError", "Model 'none' not found"),
        ("/rerank", asked(query=...), 400, "BadRequestError", "missing field `query`"),
        ("/rerank", asked(truncation_side="left"), 400, "BadRequestError", "must be 'right'"),
        ("/rerank", asked(max_tokens_per_query=3), 400, "BadRequestError", "must be 0"),
        (
            "/score",
            {"text_1": ["a", "b"], "text_2": "c"},
            400,
            "BadRequestError",
            "one text, got 2",
        ),
    ],
)
def test_vllm_errors(server, path, body, status, kind, message):
    reply = server.post("/vllm" + path, body)
    assert reply.status_code == status
    error = reply.json()["error"]
    assert (error["type"], error["code"]) == (kind, status)
    assert message in error["message"]


def test_infinity(server, scores):
    body = asked(model=..., raw_scores=False)
    reply = server.post("/rerank", body).json()
    assert sorted(reply) == ["created", "id", "model", "object", "results", "usage"]
    assert reply["object"] == "rerank"
    assert [hit["relevance_score"] for hit in reply["results"]] == near(scores)
    assert "document" not in reply["results"][0]
    echoed = server.post("/infinity/rerank", asked(return_documents=True, top_n=1)).json()
    assert [hit["document"] for hit in echoed["results"]] == [DOCUMENTS[1]]
    raw = server.post("/infinity/rerank", asked(raw_scores=True)).json()["results"][0]
    assert 1 / (1 + math.exp(-raw["relevance_score"])) == near(scores[0])
    models = server.get("/infinity/models").json()
    assert models["data"][0]["capabilities"] == ["rerank"]


def test_infinity_errors(server):
    for body, where in (
        (asked(query=...), ["body", "query"]),
        (asked(documents=[]), ["body", "documents"]),
        (asked(top_n=0), ["body", "top_n"]),
    ):
        reply = server.post("/infinity/rerank", body)
        assert reply.status_code == 422
        assert reply.json()["detail"][0]["loc"] == where
    reply = server.post("/infinity/rerank", asked(model="none"))
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == 400


def bedrock(**configuration):
    return {
        "queries": [{"type": "TEXT", "textQuery": {"text": QUERY}}],
        "sources": [
            {
                "type": "INLINE",
                "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}},
            }
            for text in DOCUMENTS
        ],
        "rerankingConfiguration": {
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {
                "modelConfiguration": {
                    "modelArn": "arn:aws:bedrock:us-west-2::foundation-model/bundled"
                },
                **configuration,
            },
        },
    }


def test_bedrock(server, scores):
    reply = server.post("/rerank", bedrock(numberOfResults=2)).json()
    assert reply == {
        "results": [
            {"index": index, "relevanceScore": near(score)}
            for index, score in zip(BEST[:2], scores[:2], strict=True)
        ]
    }
    body = bedrock()
    inline = {"type": "JSON", "jsonDocument": {"text": DOCUMENTS[1], "page": 4}}
    body["sources"][1] = {"type": "INLINE", "inlineDocumentSource": inline}
    assert server.post("/rerank", body).json()["results"][0]["index"] == 1


def test_bedrock_errors(server):
    reply = server.post("/rerank", bedrock(numberOfResults=4))
    assert reply.status_code == 400
    assert reply.headers["x-amzn-errortype"] == "ValidationException"
    assert reply.json() == {
        "message": "Cannot provide numberOfResults value that exceeds the number of sources."
    }
    body = bedrock()
    body["sources"][0]["inlineDocumentSource"] = {"type": "JSON", "textDocument": {"text": "a"}}
    assert "sources[0]: type JSON needs jsonDocument" in server.post("/rerank", body).text
    named = bedrock(modelConfiguration={"modelArn": "arn:aws:bedrock:x::foundation-model/none"})
    missing = server.post("/rerank", named)
    assert missing.status_code == 404
    assert missing.headers["x-amzn-errortype"] == "ResourceNotFoundException"


def test_documents_come_back_as_they_were(server):
    odd = {
        "text": "x \u0000 \U0001f600",
        "note": "\ud800",
        "nested": {"a": [1, 2.5, None, True, {"b": -(2**70)}]},
        "": 1e-300,
    }
    body = '{"model": "bundled", "query": "x", "documents": [%s]}'
    reply = server.post("/rerank", body % json.dumps(odd), Api_Key="k")
    assert reply.status_code == 200
    assert json.loads(reply.content)["data"][0]["document"] == odd
    lone = server.post("/rerank", body % '{"text": "\\ud800"}', Api_Key="k")
    assert lone.status_code == 400
    assert "documents[0] holds the lone surrogate" in lone.text
