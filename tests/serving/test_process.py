"""`rerank-core serve` as a process: what it says, how it stops, and what is left when it is killed."""

import signal
import ssl
import subprocess
import sys
import threading
import time

import httpx
import pytest

from tests.serving.running import DOCUMENTS, QUERY, process, until, write

BODY = {"model": "bundled", "query": QUERY, "documents": DOCUMENTS}
# About a second for one thread: no text equals another, or it would not be run.
SLOW = {
    "query": "a",
    "texts": [f"{i} " + "word " * 510 for i in range(1500)],
}


def port_of(started):
    port = int(started.wait_for(r"running on https?://127\.0\.0\.1:(\d+)")[1])
    started.wait_for("ready: ")
    return port


def post(port, path="/v1/rerank", body=BODY, **options):
    return httpx.post(
        f"http://127.0.0.1:{port}{path}", json=body, timeout=30, trust_env=False, **options
    )


def test_it_finishes_what_it_has_accepted(tmp_path):
    file = write(
        tmp_path / "serve.toml", "port = 0\naccess_log = false\n[models]\nmine = 'bundled'\n"
    )
    with process("--config", file) as started:
        port = port_of(started)
        replies = []
        asking = threading.Thread(target=lambda: replies.append(post(port, "/tei/rerank", SLOW)))
        asking.start()
        metrics = f"http://127.0.0.1:{port}/metrics"
        until(lambda: "http_answering 1.0" in httpx.get(metrics, trust_env=False).text)
        started.stop(signal.SIGTERM)
        asking.join()
        assert replies[0].status_code == 200
        assert len(replies[0].json()) == len(SLOW["texts"])
        with pytest.raises(httpx.ConnectError):
            post(port)
        assert "INFO: ready: mine\n" in started.lines
        assert not any("Error" in line for line in started.lines), started.lines


def test_killed_and_restarted_under_load_clients_that_try_again_get_right_answers():
    """No reply is wrong, and none hangs: a call fails at once or is answered."""
    deadline = 10
    expected = None
    wrong: list[float] = []
    answered: list[float] = []
    slowest: list[float] = []
    stop = threading.Event()
    port = None

    def ask_again_and_again():
        with httpx.Client(timeout=deadline, trust_env=False) as client:
            while not stop.is_set():
                start = time.monotonic()
                try:
                    reply = client.post(f"http://127.0.0.1:{port}/v1/rerank", json=BODY)
                except httpx.TransportError:
                    time.sleep(0.05)
                else:
                    right = reply.status_code == 503 or reply.json() == expected
                    (answered if right else wrong).append(time.monotonic())
                slowest.append(time.monotonic() - start)

    with process("--port=0", "--no-access-log") as first:
        port = port_of(first)
        expected = post(port).json()
        clients = [threading.Thread(target=ask_again_and_again) for _ in range(6)]
        for client in clients:
            client.start()
        until(lambda: len(answered) > 20)
        first.stop(signal.SIGKILL)
    with process(f"--port={port}", "--no-access-log") as second:
        restarted = time.monotonic()
        second.wait_for("ready: ")
        until(lambda: sum(moment > restarted for moment in answered) > 20)
        stop.set()
        for client in clients:
            client.join()
    assert not wrong, f"{len(wrong)} of {len(answered)}"
    assert max(slowest) < deadline


def test_it_says_that_it_is_not_ready_and_ends_when_a_model_cannot_be_loaded(tmp_path):
    with process("--port=0", f"--model=x={tmp_path}") as started:
        assert started.process.wait(30) == 1
        started._reader.join(30)
        assert any("rerank-core: " in line and "config.json" in line for line in started.lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "x"], "--port: must be a whole number, 0 to 65535, got 'x'"),
        (["--dialect", "x"], "dialect: must be one of pinecone"),
        (["--config", "/none.toml"], "/none.toml cannot be read"),
        (["--api-keys-file", "/none"], "api_keys_file: /none cannot be read"),
        (["--port=0", "--tls-certfile", "/none"], "tls_certfile (/none)"),
    ],
)
def test_what_cannot_be_is_told_before_it_listens(arguments, message):
    with process(*arguments) as started:
        assert started.process.wait(30) == 1
        started._reader.join(30)
        assert message in started.lines[-1]
        assert started.lines[-1].startswith("rerank-core: ")


def test_it_speaks_https(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
            ),
            *(
                "-nodes",
                "-keyout",
                key,
                "-out",
                certificate,
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
            ),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    with process("--port=0", f"--tls-certfile={certificate}", f"--tls-keyfile={key}") as started:
        port = port_of(started)
        trusted = ssl.create_default_context(cafile=certificate)
        with httpx.Client(verify=trusted, trust_env=False) as client:
            reply = client.post(f"https://127.0.0.1:{port}/v1/rerank", json=BODY)
        assert reply.json()["results"][0]["index"] == 1


def test_without_the_extra_it_says_what_to_install():
    code = "import sys; sys.modules['uvicorn'] = None; from rerank_core.cli import main; sys.exit(main(['serve']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "rerank-core: a server needs uvicorn: pip install 'rerank-core[server]'\n"


def test_other_commands_load_nothing_of_it():
    code = (
        "import sys, rerank_core.cli; print({'uvicorn', 'starlette', 'msgspec'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
