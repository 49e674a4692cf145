"""Published scores: how they are read, whose they are, and when a model gives them."""

import json
import math

import pytest

from rerank_core.errors import InvalidArgumentError
from rerank_core.models.verify.case_check import check_case
from rerank_core.models.verify.references import Case, cases_of, read_cases
from tests import shared

GOOD = {
    "id": "one",
    "model": "owner/name",
    "query": "q",
    "documents": ["a", "b", "c"],
    "scores": [0.9, None, 0.1],
    "score_kind": "sigmoid",
    "tolerance_abs": 0.01,
}


@pytest.fixture
def write(tmp_path):
    def write(*cases, text=None):
        path = tmp_path / "references.json"
        path.write_text(json.dumps({"cases": cases}) if text is None else text)
        return path

    return write


def case(scores=(0.9, 0.5, 0.1), **changes):
    changes = {"kind": "sigmoid", "tolerance_abs": 0.01, **changes}
    return Case("one", "owner/name", "q", ("a", "b", "c"), tuple(scores), **changes)


def logit(score):
    return math.log(score / (1 - score))


def test_a_good_case_is_read_and_the_built_in_ones_follow(write):
    read, built_in = read_cases(write(GOOD))
    assert (read.model, read.scores, read.decides) == ("owner/name", (0.9, None, 0.1), True)
    assert built_in.model == "BAAI/bge-reranker-v2-m3"
    by_score = sorted(zip(built_in.scores, built_in.documents, strict=True), reverse=True)
    assert [score for score, _ in by_score] == [0.48357219, 0.048405956, 0.007846239, 0.0006563728]
    assert by_score[0][1].startswith("Apple Inc.")
    assert by_score[3][1].startswith("Many people")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, r"cases\[1\]: model must be a non-empty string"),
        ({"id": 3}, "id must be a non-empty string"),
        ({"query": "  "}, "query must be a non-empty string"),
        ({"documents": "a"}, "documents must be strings"),
        ({"documents": []}, "documents must be strings, at least one"),
        ({"documents": ["a", 1, "c"]}, "documents must be strings"),
        ({"scores": [0.9, 0.1]}, "scores must be a number or null for each document"),
        ({"scores": [0.9, "x", 0.1]}, "scores must be a number"),
        ({"scores": [0.9, True, 0.1]}, "scores must be a number"),
        ({"scores": 0.9}, "scores must be a number"),
        ({"scores": None}, "order must be the index of each document"),
        ({"scores": None, "order": [0, 1, 1]}, "order must be the index of each document"),
        ({"scores": None, "order": [0, 2.0, 1]}, "order must be the index of each document"),
        ({"score_kind": "percent"}, "score_kind must be one that starts with sigmoid, tanh"),
        ({"tolerance_abs": -1}, "tolerance_abs must be a number of at least 0"),
        ({"tolerance_rel": "5 %"}, "tolerance_rel must be a number of at least 0"),
    ],
)
def test_broken_cases(write, changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        read_cases(write(GOOD, {**GOOD, **changes}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", 'must hold {"cases"'),
        ('{"cases": {}}', 'must hold {"cases"'),
        ('{"cases": [1]}', r"cases\[0\] must be an object"),
    ],
)
def test_files_of_another_shape(write, text, message):
    with pytest.raises(InvalidArgumentError, match=message):
        read_cases(write(text=text))


def test_a_missing_file(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"no\.json cannot be read"):
        read_cases(tmp_path / "no.json")


NAMES = ["BAAI/bge-base", "bge-base (hosted)", "x/mini", "y/mini", "z/other (int8, of 2024)"]
MANY = [f"many/many-{i}" for i in range(7)]
CASES = [Case(name, name, "q", ("a",), (0.5,)) for name in [*NAMES, *MANY]]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["BAAI/bge-base"], NAMES[:2]),
        (["baai/BGE-base"], NAMES[:2]),
        (["bge-base"], NAMES[:2]),
        (["y/mini"], ["y/mini"]),
        (["nobody", "Z/other"], NAMES[4:]),
    ],
)
def test_cases_by_name(asked, found):
    assert [case.model for case in cases_of(CASES, asked)] == found


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["mini"], "'mini' may be any of x/mini, y/mini; say which by --model-name"),
        (
            ["bge-bass"],
            "no published scores for 'bge-bass'; near names are BAAI/bge-base, bge-base",
        ),
        (["zzz", "www"], "for 'zzz' or 'www'; no name is near"),
        (
            ["no-owner/many-x"],
            "near names are many/many-0, many/many-1, many/many-2, many/many-3, many/many-4 and 2 more",
        ),
        (["other-owner/mini"], "near names are x/mini, y/mini"),
    ],
)
def test_names_without_cases(asked, message):
    with pytest.raises(InvalidArgumentError, match=message):
        cases_of(CASES, asked)


@pytest.mark.parametrize(
    ("kind", "published", "logits"),
    [
        ("sigmoid (FlagEmbedding normalize=True)", [0.9, 0.5, 0.1], [2.2, 0.0, -2.2]),
        ("tanh", [0.9, 0.0, -0.9], [1.47, 0.0, -1.47]),
        ("logit (identity)", [4.0, 0.0, -4.0], [4.005, 0.0, -4.005]),
    ],
)
def test_each_kind_of_score(kind, published, logits):
    result = check_case(case(published, kind=kind), logits, 0)
    assert (result.why, result.decides) == ("", True)
    assert result.largest == pytest.approx(0, abs=0.01)
    assert "off by" in result.figure().found
    assert result.figure().allowed == "0.01"


@pytest.mark.parametrize(
    ("changes", "scores", "why"),
    [
        ({}, [0.9, 0.5, 0.15], "one: document 2 scores 0.15, published is 0.1, allowed is"),
        ({"scores": (0.9, None, 0.1)}, [0.9, 0.01, 0.1], ""),
        ({"scores": (0.9, None, 0.1)}, [0.9, 0.01, 0.2], "document 2 scores 0.2"),
        ({"tolerance_rel": 0.05}, [0.94, 0.5, 0.1], ""),
        ({"tolerance_rel": 0.05}, [0.95, 0.5, 0.1], "document 0 scores 0.95"),
        # Nearer than the tolerance, any order will do; further off it must hold.
        ({"scores": (0.5, 0.495, 0.1)}, [0.494, 0.496, 0.1], ""),
        ({"scores": (0.5, 0.485, 0.1)}, [0.491, 0.492, 0.1], "document 0 is not above 1"),
        ({"scores": (float("nan"), 0.5, 0.1)}, [0.5, 0.5, 0.1], "document 0 scores 0.5"),
        ({"scores": (1.0, 0.5, 0.0)}, [0.999, 0.5, 0.001], ""),
    ],
)
def test_tolerances(changes, scores, why):
    result = check_case(case(**changes), [logit(score) for score in scores], 0)
    assert why in result.why
    assert bool(why) == (result.figure().passed is False)


def test_what_a_precision_may_move_is_allowed_on_top():
    logits = [logit(score) + 0.2 for score in (0.9, 0.5, 0.1)]
    assert "document 1 scores" in check_case(case(), logits, 0).why
    assert check_case(case(), logits, 0.2).why == ""


def test_an_order_alone():
    published = case((None,) * 3, order=(2, 0, 1))
    assert check_case(published, [1.0, 0.0, 2.0], 0).why == ""
    assert check_case(published, [3.0, 0.0, 2.0], 0).why == "one: document 2 is not above 0"
    assert check_case(published, [1.0, 1.0, 2.0], 0).why == "one: document 0 is not above 1"


def test_a_case_without_a_tolerance_decides_nothing():
    result = check_case(case(tolerance_abs=None), [0.0, 0.0, 0.0], 0)
    assert (result.decides, result.why) == (False, "")
    assert result.largest == pytest.approx(0.4)
    assert result.figure().passed is None


def test_a_single_text_is_no_pair(write):
    cases = read_cases(write(GOOD, {**GOOD, "id": "single", "query": None}))
    assert len(cases) == 3
    assert [case.id for case in cases_of(cases, ["owner/name"])] == ["one"]


@shared.needed
def test_the_shared_references_are_read():
    cases = read_cases(shared.DATA / "reference-scores" / "reference_scores.json")
    assert len(cases) == 138
    found = cases_of(cases, ["BAAI/bge-reranker-v2-m3"])
    assert {"pinecone-apple", "pinecone-turkey"} < {case.id for case in found}
    for each in cases:
        logits = range(len(each.documents))
        assert len(check_case(each, logits, 0).scores) == len(each.documents)
