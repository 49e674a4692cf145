"""What makes it a service: keys, limits, deadlines, clients that leave, logs, counters."""

import json
import logging
import re
import socket
import threading

import httpx
import pytest

from rerank_core.serving.journal import ACCESS
from tests.serving.running import DOCUMENTS, QUERY, serving, until

BODY = {"model": "bundled", "query": QUERY, "documents": DOCUMENTS}
# Seconds for one thread: no text equals another, or it would not be run.
SLOW = {
    "query": "a",
    "texts": [f"{i} " + "a " * 510 for i in range(8000)],  # more than a fast machine runs in time
}
SECRET = "sesame-7d1"  # noqa: S105


@pytest.fixture
def access(caplog):
    """What the access log says."""
    with caplog.at_level(logging.INFO, ACCESS.name):
        yield lambda: [
            json.loads(record.message) for record in caplog.records if record.name == ACCESS.name
        ]


@pytest.fixture(scope="module")
def narrow():
    """A server with little room: one request at once, and few rows in its queue."""
    with serving(
        {"RERANK_CORE_API_KEYS": SECRET},
        max_concurrent=2,
        max_queued_rows=50,
        timeout=1.5,
        read_timeout=0.7,
    ) as started:
        started.client.headers["Authorization"] = f"Bearer {SECRET}"
        yield started


def test_what_whoever_runs_it_sees(server):
    assert server.get("/health").json() == {"status": "ok"}
    ready = server.get("/ready").json()
    assert ready == {
        "status": "ready",
        "models": ["bundled", "bge-reranker-v2-m3", "jina-reranker-v2"],
    }
    before = server.service.rerankers["bundled"].stats()
    server.post("/v1/rerank", BODY)
    text = server.get("/metrics").text
    rows = re.search(r'^rerank_core_engine_rows_total\{model="bundled"\} (\S+)', text, re.MULTILINE)
    assert rows is not None
    assert float(rows[1]) == before.rows + 3
    assert 'model="bge-reranker-v2-m3"' not in text, "it shares its weights, and would count twice"
    assert re.search(
        r'^rerank_core_http_requests_total\{dialect="apertis",status="200"\}', text, re.MULTILINE
    )
    assert "rerank_core_ready 1.0" in text


def test_keys_are_asked_for_everywhere_but_where_nothing_is_given_away(narrow):
    anyone = httpx.Client(base_url=narrow.url, trust_env=False)
    with anyone:
        for path in ("/health", "/ready", "/metrics", "/openapi.json"):
            assert anyone.get(path).status_code == 200
        for path in ("/models", "/info", "/v1/models"):
            assert anyone.get(path).status_code == 401
        neutral = anyone.post("/v1/rerank", json=BODY)
        assert neutral.status_code == 401
        assert neutral.headers["www-authenticate"] == "Bearer"
        told = neutral.json()
        assert told["message"] == told["detail"] == "Invalid API key."
        pinecone = anyone.post("/rerank", json=BODY, headers={"Api-Key": "wrong"}).json()
        assert pinecone == {
            "error": {"code": "UNAUTHENTICATED", "message": "Invalid API key."},
            "status": 401,
        }
        portkey = anyone.post("/v1/rerank", json=BODY, headers={"x-portkey-api-key": "wrong"})
        assert portkey.json() == {"status": "failure", "message": "Invalid API key."}
        bedrock = anyone.post("/bedrock/rerank", json={})
        assert bedrock.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert narrow.post("/v1/rerank", BODY).status_code == 200


def test_nothing_of_a_caller_is_logged(narrow, access):
    private = "confidential-4711"
    replies = [
        narrow.post(
            "/rerank", {**BODY, "query": private, "documents": [{"text": private}]}, Api_Key=SECRET
        ),
        narrow.post("/v1/rerank", {**BODY, "model": private}),
        narrow.get(f"/models/{private}"),
        narrow.get(f"/{private}"),
        narrow.get("/models", X_Request_Id="mine-1"),
        narrow.get("/models", X_Request_Id=f"{private} {{}}"),
    ]
    own = [reply.headers["x-request-id"] for reply in replies]

    def told():  # a line of an earlier test's request may come as late as this
        return [line for line in access() if line["request_id"] in own]

    until(lambda: len(told()) == len(own))
    lines = told()
    assert private not in json.dumps(lines)
    assert SECRET not in json.dumps(lines)
    assert lines[0] == {
        "time": lines[0]["time"],
        "request_id": lines[0]["request_id"],
        "client": "127.0.0.1",
        "method": "POST",
        "path": "/rerank",
        "dialect": "pinecone",
        "model": "bundled",
        "documents": 1,
        "tokens": lines[0]["tokens"],
        "status": 200,
        "ms": lines[0]["ms"],
    }
    assert [line["status"] for line in lines] == [200, 503, 404, 404, 200, 200]
    assert [line.get("error") for line in lines][1:4] == [
        "NotFoundError",
        "NotFoundError",
        "NoSuchPathError",
    ]
    assert lines[2]["path"] == "/models/{name}"
    assert lines[4]["request_id"] == "mine-1"


def test_an_error_inside_is_a_500_that_tells_nothing(server, monkeypatch, caplog):
    async def fail(*_):
        raise KeyError(str(4700 + 11))  # frames show lines of code

    monkeypatch.setattr(server.service, "rank", fail)
    with caplog.at_level(logging.ERROR, "rerank_core.serving"):
        reply = server.post("/v2/rerank", BODY)
        page = server.client.post("/", data={"query": "a", "passages": "b"})
    assert reply.status_code == 500
    assert reply.json()["message"] == "Internal server error."
    assert page.status_code == 500
    assert "Internal server error." in page.text
    assert "KeyError in request" in caplog.text
    assert reply.headers["x-request-id"] in caplog.text
    assert "4711" not in caplog.text


def test_a_full_queue_is_429(narrow):
    """A request that is larger than the queue comes in alone; the next one finds it full."""
    replies = []

    def ask():
        replies.append(narrow.post("/tei/rerank", SLOW))

    thread = threading.Thread(target=ask)
    thread.start()
    stats = narrow.service.rerankers["bundled"].stats
    until(lambda: stats().queued_rows > 50)
    full = narrow.post("/rerank", {**BODY, "documents": [{"text": "a"}]}, Api_Key=SECRET)
    assert full.status_code == 429
    assert int(full.headers["retry-after"]) >= 1
    assert full.json()["error"]["code"] == "RESOURCE_EXHAUSTED"
    thread.join()
    # Its own time was up meanwhile, and the engine has room again.
    assert replies[0].status_code == 504
    assert replies[0].json() == {"error": "Model is overloaded", "error_type": "Overloaded"}
    until(lambda: stats().queued_rows == 0)
    assert narrow.post("/v1/rerank", BODY).status_code == 200


def test_a_client_that_leaves_takes_its_work_along(narrow, access):
    stats = narrow.service.rerankers["bundled"].stats
    cancelled = stats().cancelled
    body = json.dumps(SLOW).encode()
    head = f"POST /tei/rerank HTTP/1.1\r\nHost: x\r\nApi-Key: {SECRET}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", narrow.port)) as connection:
        connection.sendall(head.encode() + body)
        until(lambda: stats().queued_rows)
    until(lambda: stats().cancelled > cancelled)
    until(lambda: not stats().queued_rows)
    until(lambda: any(line["status"] == 499 for line in access()))
    assert narrow.service.answering == 0


def test_more_at_once_than_may_be_is_429(narrow):
    head = f"POST /v1/rerank HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nContent-Length: 99\r\n\r\n"
    held = [socket.create_connection(("127.0.0.1", narrow.port)) for _ in range(2)]
    for connection in held:
        connection.sendall(head.encode())
    until(lambda: narrow.service.answering == 2)
    full = narrow.post("/v1/rerank", BODY)
    assert full.status_code == 429
    assert full.headers["retry-after"] == "1"
    for connection in held:
        # And none is held for longer than a body may take.
        assert b" 408 " in connection.recv(1000)
        connection.close()
    until(lambda: narrow.service.answering == 0)
    assert narrow.post("/v1/rerank", BODY).status_code == 200


def test_a_pinned_server_speaks_one_dialect():
    with serving(dialect="jina", metrics=False, page=False, access_log=False) as pinned:
        reply = pinned.post("/rerank", BODY)
        assert sorted(reply.json()) == ["model", "object", "results", "usage"]
        assert pinned.post("/v2/rerank", {**BODY, "top_n": 1}).status_code == 200
        for path in ("/models", "/metrics", "/", "/cohere-v2/v2/rerank"):
            assert pinned.get(path).status_code == 404
        document = pinned.get("/openapi.json").json()
        assert document["info"]["title"] == "rerank-core: Jina"


def test_200_connections_at_once_get_their_own_answers(server):
    """Each reply is that of its request, whoever else asks."""
    import asyncio

    async def ask(client, number):
        text = f"number {number}"
        body = {**BODY, "documents": [{"text": text}, {"text": "other"}], "return_documents": True}
        reply = await client.post(
            "/rerank", json=body, headers={"Api-Key": "k", "X-Request-Id": str(number)}
        )
        assert reply.status_code == 200
        assert reply.headers["x-request-id"] == str(number)
        documents = [hit["document"]["text"] for hit in reply.json()["data"]]
        assert sorted(documents) == [text, "other"]

    async def all_of_them():
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(
            base_url=server.url, limits=limits, timeout=60, trust_env=False
        ) as client:
            await asyncio.gather(*(ask(client, number) for number in range(200)))

    asyncio.run(all_of_them())
