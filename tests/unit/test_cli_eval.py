"""`rerank-core eval`: its tables, its JSON, the run that it keeps, and what it refuses."""

import json
from pathlib import Path

import pytest

from rerank_core import cli
from rerank_core.eval import read_run
from tests import models

EXAMPLES = Path(__file__).parents[2] / "examples"
JUDGED = EXAMPLES / "judged"
GIVEN = [
    str(JUDGED),
    "--run",
    str(JUDGED / "words.trec"),
    "--corpus",
    str(EXAMPLES / "passages.jsonl"),
]


def test_tables(capsys):
    assert cli.main(["eval", *GIVEN]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    lines = captured.out.splitlines()
    assert lines[0] == "judged: 10 queries, 100 pairs"
    assert lines[2].split() == ["nDCG@10", "MRR@10", "MAP", "Recall@10", "Recall@100"]
    assert lines[3].startswith("first stage")
    assert lines[4].startswith("bundled")
    assert float(lines[4].split()[1]) > float(lines[3].split()[2])
    assert lines[7].startswith("bundled - first stage")


def test_models_runs_and_measures(capsys, tmp_path, model_directory):
    out = tmp_path / "ours.trec"
    given = [*GIVEN, "--measure", "MRR@10", "--json", "--per-query", "--depth", "5"]
    assert cli.main(["eval", *given, "--write-run", str(out), "--tag", "ours"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["pairs"] == 50
    assert list(said["systems"]["bundled"]) == ["MRR@10"]
    assert len(said["per_query"]["bundled"]["MRR@10"]) == 10
    assert out.read_text().splitlines()[0].split()[5] == "ours"
    assert sum(map(len, read_run(out).values())) == 50

    both = [*given, "--model", "bundled", "--model", str(model_directory), "--also-run", str(out)]
    assert cli.main(["eval", *both]) == 0
    again = json.loads(capsys.readouterr().out)
    names = ["first stage", str(out), "bundled", str(model_directory)]
    assert list(again["systems"]) == names
    assert again["systems"]["bundled"] == again["systems"][str(out)] == said["systems"]["bundled"]
    assert len(again["comparisons"]) == 5


def test_only_runs(capsys):
    """No model is loaded where there are runs to compare."""
    assert cli.main(["eval", *GIVEN, "--also-run", str(JUDGED / "words.trec"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["change"] for row in said["comparisons"]] == [0] * 5
    assert [row["p_value"] for row in said["comparisons"]] == [1] * 5


def test_precisions(capsys, tmp_path):
    directory = models.write(tmp_path / "m")
    (directory / "model_int8.onnx").write_bytes((directory / "model.onnx").read_bytes())
    given = [
        *GIVEN,
        "--model",
        str(directory),
        "--precision",
        "fp32",
        "--precision",
        "int8",
        "--json",
    ]
    assert cli.main(["eval", *given]) == 0
    systems = json.loads(capsys.readouterr().out)["systems"]
    assert list(systems) == ["first stage", f"{directory} fp32", f"{directory} int8"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--measure", "nonsense"], "'nonsense' is no measure of ir_measures"),
        (["--model", "a", "--model", "a"], "name each model and run once, not a, a"),
        (["--model", "a", "--model", "b", "--write-run", "c"], "keeps one model's run, not 2"),
        (["--write-run", "nowhere/run"], "--write-run nowhere/run: there is no such folder"),
        (["--split", "dev"], "has no qrels/dev.tsv or qrels.dev.tsv or qrels.tsv"),
        (["--run", "missing.trec"], "missing.trec cannot be read"),
        (["--relevant", "0"], "relevant must be >= 1, got 0"),
        (["--fields", "body"], "passages.jsonl, line 1: must have strings as 'body'"),
    ],
)
def test_what_is_refused(capsys, changes, message):
    assert cli.main(["eval", *GIVEN, *changes]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("rerank-core: ")
    assert message in captured.err
