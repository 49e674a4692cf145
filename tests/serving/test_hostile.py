"""Bodies and connections that no good client sends: a proper 4xx, never a 500, and nothing is held for long."""

import contextlib
import json
import socket
import time

import hypothesis
import pytest
from hypothesis import strategies as st

from rerank_core.serving.dialects import DIALECTS
from tests import hostile
from tests.serving.running import DOCUMENTS, QUERY, serving

PATHS = [
    f"/{name}{operation.paths[0]}"
    for name, found in DIALECTS.items()
    for operation in found.operations
]
BODY = {"model": "bundled", "query": QUERY, "documents": DOCUMENTS}
OBJECTS = [{"text": text} for text in DOCUMENTS]


@pytest.fixture(scope="module")
def guarded():
    with serving(max_body_bytes=100_000, max_documents=200, read_timeout=0.5) as started:
        yield started


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b'{"query": "a"',
        b'\xff\xfe{"query": 1}',
        b'{"query": "\xff"}',
        b'\xef\xbb\xbf{"query": "a"}',
        b"[" * 50_000,
        b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
        b'{"query": NaN}',
        b'{"query": 1e999}',
        b'{"query": ' + b"9" * 5000 + b"}",
        b'{"query": "a", "query": "b"}',
        b'{"query": {"a": 1, "a": 2}}',
        b"\x00" * 100,
    ],
    ids=range(17),
)
def test_what_is_no_request_is_refused(guarded, path, body):
    reply = guarded.post(path, body)
    assert 400 <= reply.status_code < 500, reply.text
    assert len(reply.content) < 1000


def test_the_complaint_says_where(guarded):
    for body, message in (
        ('{"query": "a", "query": "b"}', "duplicate field `query`"),
        ('{"query": "\\ud800" "x"}', "Expecting ',' delimiter at line 1 column 20"),
        (b'{"query": "\xff"}', "the body is not UTF-8, at byte 11"),
        ("[" * 50_000, "the body is nested too deeply"),
        ('{"query": NaN}', "NaN is not JSON"),
        ('{"query": -1e999}', "number out of range: -1e999"),
        ("[1]", "expected an object, got an array"),
    ):
        assert message in guarded.post("/pinecone/rerank", body).text


def test_deep_documents_come_back_or_are_refused(guarded):
    for depth in (10, 100, 400, 480, 800, 900, 990, 5000):
        nested = f'{{"text": "a", "x": {"[" * depth}1{"]" * depth}}}'
        body = f'{{"model": "bundled", "query": "q", "documents": [{nested}]}}'
        reply = guarded.post("/rerank", body, Api_Key="k")
        assert reply.status_code in (200, 400), depth
        if reply.status_code == 200:
            assert ("[" * depth) in reply.text


@pytest.mark.parametrize("path", PATHS)
def test_large_bodies_are_cut_off(guarded, path):
    for size in (100_001, 500_000, 5_000_000):
        reply = guarded.post(path, b"{" + b" " * size + b"}")
        assert reply.status_code in (400, 413)
        assert "100000 bytes" in reply.text
        assert reply.headers["connection"] == "close"


def test_a_body_without_a_length_is_cut_off_too(guarded):
    reply = guarded.client.post("/v1/rerank", content=(b" " * 10_000 for _ in range(60)))
    assert reply.status_code == 413


def test_too_many_documents(guarded):
    with serving(max_documents=1000) as roomy:
        many = {**BODY, "documents": [{"text": "a"}] * 100_000}
        reply = roomy.post("/rerank", many, Api_Key="k")
        assert reply.status_code == 400
        assert "Document length '100000' exceeded documents limit of 1000" in reply.text
    texts = guarded.post("/rerank", {"query": "a", "texts": ["b"] * 201})
    assert texts.status_code == 413


def talk(port, *pieces, pause=0.0):
    """Send the pieces, and give the answer and the seconds until the end of the connection."""
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        answer = b""
        with contextlib.suppress(
            OSError
        ):  # it was closed while we wrote; what came before that counts
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        with contextlib.suppress(OSError):
            while received := connection.recv(65536):
                answer += received
        return answer, time.monotonic() - start


def test_slow_headers_are_cut_off(guarded):
    answer, seconds = talk(
        guarded.port, b"POST /rerank HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 30, pause=0.05
    )
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert seconds < 5
    answer, seconds = talk(guarded.port)
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_slow_body_is_cut_off(guarded):
    head = b"POST /v1/rerank HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    answer, _ = talk(guarded.port, head, *[b" "] * 30, pause=0.05)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"The body did not come within 0.5 seconds." in answer
    assert guarded.service.answering == 0


def test_endless_headers_are_cut_off(guarded):
    answer, _ = talk(guarded.port, b"GET / HTTP/1.1\r\n", *[b"X-A: " + b"b" * 8000 + b"\r\n"] * 40)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /rerank HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /rerank HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /rerank HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GARBAGE\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(guarded, sent):
    answer, seconds = talk(guarded.port, sent)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert seconds < 5
    assert guarded.get("/health").status_code == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = sorted(
    {
        field
        for found in DIALECTS.values()
        for operation in found.operations
        for field in operation.request.__struct_fields__
    }
)


@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(
    path=st.sampled_from([*PATHS, "/rerank", "/v1/rerank", "/v2/rerank"]),
    body=st.dictionaries(
        st.sampled_from(FIELDS),
        json_values
        | st.just("bundled")
        | st.lists(st.sampled_from(hostile.PIECES), max_size=4)
        | st.lists(st.fixed_dictionaries({"text": st.sampled_from(hostile.PIECES)}), max_size=3),
        max_size=6,
    ),
    headers=st.dictionaries(
        st.sampled_from(["api-key", "x-portkey-provider", "x-fern-sdk-name", "x-amz-date"]),
        st.sampled_from(["cohere", "", "@x"]),
        max_size=2,
    ),
)
def test_any_fields_of_any_dialect(guarded, path, body, headers):
    reply = guarded.client.post(path, content=json.dumps(body), headers=headers)
    assert reply.status_code < 500 or reply.status_code == 503, (body, reply.text)


@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(
    path=st.sampled_from(PATHS), place=st.integers(0, 200), change=st.binary(max_size=4)
)
def test_changed_bytes(guarded, path, place, change):
    good = json.dumps({**BODY, "documents": OBJECTS}).encode()
    reply = guarded.post(path, good[:place] + change + good[place + len(change) :])
    assert reply.status_code < 500, reply.text
