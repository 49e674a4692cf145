"""The command line, as a process and as a terminal sees it."""

import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rerank_core import cli
from tests import models

PASSAGES = Path(__file__).parents[2] / "examples" / "passages.jsonl"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def rank(capsys, *arguments):
    assert cli.main(["rank", *arguments]) == 0
    return capsys.readouterr()


def fails(capsys, *arguments):
    assert cli.main(["rank", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("rerank-core: ")
    return captured.err


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "documents"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("why is the sky blue?", "sky-1"),
        ("Why are there two high tides a day?", "coast-1"),
        ("What makes dough rise?", "kitchen-1"),
        ("capital of Germany", "city-3"),
        ("how do I patch a hole in a tube", "craft-2"),
    ],
)
def test_examples_rank_sensibly(capsys, query, best):
    out = rank(capsys, query, str(PASSAGES), "--top-n", "1", "--rank-fields", "title,text").out
    assert json.loads(out)["document"]["id"] == best


def test_json_lines_in_a_pipe(capsys):
    lines = rank(capsys, "red evening", str(PASSAGES), "--top-n", "3").out.splitlines()
    hits = [json.loads(line) for line in lines]
    assert [sorted(hit) for hit in hits] == [["document", "index", "score"]] * 3
    assert hits[0]["document"]["id"] == "sky-2"


def test_a_table_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(["rank", "red evening", str(PASSAGES), "--top-n", "2"]) == 0
    lines = terminal.getvalue().splitlines()
    assert lines[0].split() == ["rank", "score", "document", "text"]
    assert lines[1].split()[2] == "sky-2"
    assert lines[1].endswith("...")
    assert max(map(len, lines)) <= 80
    assert len(lines) == 3


def test_the_json_flag_wins_over_the_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert cli.main(["rank", "red evening", str(PASSAGES), "--json", "--top-n", "1"]) == 0
    assert json.loads(terminal.getvalue())["document"]["id"] == "sky-2"


@pytest.mark.parametrize(
    ("text", "options", "documents"),
    [
        ("one\n\ntwo\r\n", [], ["one", "two"]),
        ('"one"\n"two"\n', ["--format", "jsonl"], ["one", "two"]),
        ('{"text": "one"}\n{"text": "two"}\n', [], [{"text": "one"}, {"text": "two"}]),
        ('[{"text": "one"},\n "two"]', [], [{"text": "one"}, "two"]),
        ("[1] a note\n", ["--format", "lines"], ["[1] a note"]),
        ("\ufeffone\n", [], ["one"]),
        ("naïve\u2028still one line\n", [], ["naïve\u2028still one line"]),
    ],
)
def test_formats(capsys, write, text, options, documents):
    out = rank(capsys, "one", write(text), *options).out
    hits = sorted(map(json.loads, out.strip("\n").split("\n")), key=lambda hit: hit["index"])
    assert [hit["document"] for hit in hits] == documents


def test_standard_input_and_raw_scores():
    done = subprocess.run(
        [sys.executable, "-m", "rerank_core", "rank", "stone", "--scores", "raw", "--threads", "1"],
        input="stone\nbread\n",
        capture_output=True,
        text=True,
        check=True,
    )
    scores = [json.loads(line)["score"] for line in done.stdout.splitlines()]
    assert scores[0] > scores[1]
    assert not 0 <= scores[1] <= 1, "a logit, not a score"


def test_scores_are_the_models_unless_others_are_asked_for(capsys, write, tmp_path):
    config = {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}
    directory = models.write(tmp_path / "model", config=config)

    def scores(*options):
        out = rank(capsys, "river", write("stone\nlamp\n"), "--model", str(directory), *options).out
        return [json.loads(line)["score"] for line in out.splitlines()]

    assert scores() == scores("--scores", "model") == scores("--scores", "raw")
    sigmoids = [1 / (1 + math.exp(-score)) for score in scores()]
    assert scores("--scores", "sigmoid") == pytest.approx(sigmoids)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", [], "holds no documents"),
        ("\n \n", [], "holds no documents"),
        (b"good\nb\xffd\n", [], "line 2: not UTF-8"),
        ('{"text": "a"}\n{"text": \n', [], "line 2: not JSON"),
        ("[1, 2", [], "not JSON"),
        ("[" * 100_000, [], "not JSON"),
        ('{"a": 1}', ["--format", "json"], "must hold a JSON array, not dict"),
        ('{"body": "a"}', [], "field 'text' not found in document at index 0"),
        ("[1]", [], "each document must be a string or mapping, got int at index 0"),
        ("a", ["--model", "no-such"], "Model 'no-such' not found"),
        ("a", ["--model", "./no-such"], "Model './no-such' not found: it is neither 'bundled' nor"),
        ("a", ["--revision", "v1"], "revision is for models of the hub; 'bundled' is on this mach"),
        ("a", ["--top-n", "0"], "top_n must be >= 1, got 0"),
        ("a", ["--precision", "int8"], "has no int8 graph, only fp32"),
        ("long " * 600, ["--truncate", "NONE"], "pair with 604 tokens"),
    ],
)
def test_errors(capsys, write, text, options, message):
    assert message in fails(capsys, "query", write(text), *options)


def test_a_missing_file(capsys):
    assert "no-such-file" in fails(capsys, "query", "no-such-file")


def test_truncated_documents_are_told_on_standard_error(capsys, write):
    captured = rank(capsys, "query", write("short\n" + "long " * 600))
    assert "1 of 2 documents were truncated to the model's limit: 1" in captured.err
    assert len(captured.out.splitlines()) == 2


def test_a_reader_that_leaves_early():
    command = f"{sys.executable} -m rerank_core rank stone {PASSAGES} | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("redirections", "code", "error"),
    [("<&-", 1, "rerank-core: standard input is closed\n"), (f"{PASSAGES} >&-", 0, "")],
)
def test_closed_streams(redirections, code, error):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m rerank_core rank stone {redirections}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, error)


def test_nothing_in_a_document_reaches_the_terminal_as_a_command(capsys, write):
    text = json.dumps({"id": "a\nb", "text": "x\x1b[31m\ny", "note": "\ud800"})
    assert cli.main(["rank", "x", write(text), "--table"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].split()[2:] == ["a", "b", "x", "[31m", "y"]


def test_models(capsys):
    assert cli.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [
        "bge-reranker-v2-m3",
        "bundled",
        "cohere-rerank-3.5",
        "cohere-rerank-4-fast",
        "pinecone-rerank-v0",
    ]
    assert lines[2].endswith(os.path.join("models", "bundled"))
    assert "none here" in lines[1]
    assert cli.main(["models", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0]["weights"] is None
    assert rows[0]["max_sequence_length"] == 1024


def test_usage(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
