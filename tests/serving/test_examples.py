"""The providers' own curl examples, verbatim but for the host, where their documents are beside the checkout."""

import json
import re
import shutil
import subprocess

import pytest

from tests import shared
from tests.serving.running import serving

SEEDS = shared.DATA.parent / "seeds"
HOSTS = (
    "https://api.pinecone.io",
    "https://api.portkey.ai",
    "https://api.apertis.ai",
    "SELF_HOSTED_GATEWAY_URL",
)
NAMES = ("bge-reranker-v2-m3", "rerank-v3.5", "BAAI/bge-reranker-v2-m3")
pytestmark = [
    pytest.mark.skipif(
        not SEEDS.is_dir(), reason="the providers' documents, ../shared/seeds, are not here"
    ),
    pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here"),
]


def commands():
    """Each command that posts to /rerank or asks for models: up to the line that neither goes on nor quotes."""
    found = []
    for path in sorted(SEEDS.glob("*.txt")):
        lines = path.read_text().splitlines()
        for start, line in enumerate(lines):
            if re.match(r" *curl ", line) and any(host in line for host in HOSTS):
                command = line
                for more in lines[start + 1 :]:
                    if not (command.rstrip().endswith("\\") or command.count("'") % 2):
                        break
                    command += "\n" + more
                found.append((path.name[:3], command))
    return found


@pytest.fixture(scope="module")
def examples():
    """A server, and what it answers to each example."""
    keys = "YOUR_API_KEY,<APERTIS_API_KEY>,portkey"
    with serving({"RERANK_CORE_API_KEYS": keys}, models=dict.fromkeys(NAMES, "bundled")) as started:
        replies = []
        for source, command in commands():
            here = re.sub("|".join(HOSTS), started.url, command)
            done = subprocess.run(
                ["bash", "-c", here + " -sS --noproxy '*'"],
                capture_output=True,
                text=True,
                check=True,
                env={
                    "PINECONE_API_KEY": "YOUR_API_KEY",
                    "PORTKEY_API_KEY": "portkey",
                    "PATH": "/usr/bin:/bin",
                },
            )
            replies.append((source, json.loads(done.stdout)))
        yield replies


def test_there_are_examples_of_each_provider(examples):
    assert [source for source, _ in examples].count("001") == 2
    assert {source for source, _ in examples} >= {"001", "002", "003", "004"}


def test_pinecone(examples):
    """The answer that the page prints, key by key and in its order, with the page's `model` that it forgets."""
    for source, reply in examples:
        if source == "001":
            assert sorted(reply) == ["data", "model", "usage"]
            assert reply["data"][0]["document"]["id"] == "vec3", "the best of the page"
            assert {hit["document"]["id"] for hit in reply["data"]} == {
                "vec1",
                "vec2",
                "vec3",
                "vec4",
            }
            assert all(sorted(hit) == ["document", "index", "score"] for hit in reply["data"])
            assert reply["usage"] == {"rerank_units": 1}


def test_pinecone_models(examples):
    for source, reply in examples:
        if source == "002" and "models" in reply:
            page = next(SEEDS.glob("002*")).read_text()
            blocks = re.findall(r"```json curl [^\n]*\n(.*?)```", page, re.DOTALL)
            printed = json.loads(next(block for block in blocks if '"models"' in block))
            theirs = {
                model["model"]: model for model in printed["models"] if model["type"] == "rerank"
            }
            ours = {model["model"]: model for model in reply["models"]}
            assert theirs.items() <= ours.items()


def test_portkey(examples):
    for source, reply in examples:
        if source == "003":
            assert sorted(reply) == ["id", "model", "object", "provider", "results", "usage"]
            assert reply["results"][0]["index"] == 0, "Paris"
            assert len(reply["results"]) == 2


def test_apertis(examples):
    for source, reply in examples:
        if source == "004":
            assert list(reply) == ["results"]
            assert [sorted(hit) for hit in reply["results"]] == [["index", "relevance_score"]] * 4
            # The page's answer has 0, 2, 1, 3.
            assert {hit["index"] for hit in reply["results"][:2]} == {0, 2}
