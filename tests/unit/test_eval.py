"""Ranking quality: figures computed by hand, the run that is reranked, what a comparison says."""

import json
import math
import random
import sys

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from scipy import stats
from tokenizers import processors

from rerank_core import EngineError, InvalidArgumentError, Reranker
from rerank_core.errors import FailedPreconditionError
from rerank_core.eval import (
    Collection,
    compare,
    evaluate,
    parse_measures,
    rerank_run,
    reranking,
    write_run,
)
from tests import graphs, models

# Three relevant documents, one of them not found; ranks 2 and 4 hold the others.
QRELS = {"q": {"b": 3, "d": 1, "lost": 2, "a": 0}}
RUN = {"q": {"a": 4.0, "b": 3.0, "c": 2.0, "d": 1.0}}


def a_collection(qrels=QRELS, run=RUN):
    found = {document for scores in run.values() for document in scores}
    return Collection(
        "made",
        queries={query: f"words of {query}" for query in {*qrels, *run}},
        documents={document: f"text of {document}" for document in found},
        qrels=qrels,
        run=run,
    )


def first_stage(measure, **changes):
    return evaluate(a_collection(**changes), {}, measures=[measure]).mean("first stage", measure)


def gain(*gains):
    return sum(each / math.log2(rank + 2) for rank, each in enumerate(gains))


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ("nDCG@10", gain(0, 3, 0, 1) / gain(3, 2, 1)),
        ("nDCG@3", gain(0, 3, 0) / gain(3, 2, 1)),
        ("nDCG(gains={1:1,2:3,3:7})@10", gain(0, 7, 0, 1) / gain(7, 3, 1)),
        ("MRR@10", 1 / 2),
        ("MRR@1", 0),
        ("MAP", (1 / 2 + 2 / 4) / 3),
        ("Recall@10", 2 / 3),
        ("Recall@2", 1 / 3),
        ("MAP(rel=2)", (1 / 2) / 2),
    ],
)
def test_measures_by_hand(measure, expected):
    assert first_stage(measure) == pytest.approx(expected)


def test_negative_judgments_are_not_relevant():
    assert first_stage("nDCG@10", qrels={"q": {**QRELS["q"], "a": -2}}) == first_stage("nDCG@10")


def test_relevant_is_from_a_judgment_on():
    found = evaluate(a_collection(), {}, measures=["MAP", "MAP(rel=1)", "nDCG@10"], relevant=2)
    assert found.mean("first stage", "MAP") == pytest.approx(1 / 4)
    assert found.mean("first stage", "MAP(rel=1)") == pytest.approx(1 / 3)
    assert found.mean("first stage", "nDCG@10") == pytest.approx(gain(0, 3, 0, 1) / gain(3, 2, 1))


def test_equal_scores_keep_their_order_whatever_the_ids():
    for names in ("ab", "ba"):
        run = {"q": dict.fromkeys(names, 1.0)}
        expected = 1 / (1 + names.index("b"))
        assert first_stage("MRR@10", run=run) == expected
        assert first_stage("nDCG@1", run=run) == (expected == 1)


def test_queries_that_do_not_count_are_counted():
    qrels = {**QRELS, "nothing": {"a": 0}, "unfound": {"a": 1}}
    run = {**RUN, "nothing": {"a": 1.0}, "unjudged": {"b": 1.0}}
    found = evaluate(a_collection(qrels, run), {"other": {"q": {"b": 1.0}}}, measures=["MRR@10"])
    assert (found.unjudged, found.irrelevant) == (1, 1)
    assert found.missing == {"first stage": 1, "other": 1}
    assert found.figures["first stage"]["MRR@10"] == {"q": 0.5, "unfound": 0.0}
    assert found.pairs == 4
    said = found.to_text()
    assert "queries of the run without judgments, left out: 1" in said
    assert "queries of the run without a relevant document, left out: 1" in said
    assert "queries that other lacks, counted as 0: 1" in said


def random_runs(seed, ties):
    rng = random.Random(seed)
    documents = [f"d{i}" for i in range(40)]
    qrels = {f"q{i}": {d: rng.randint(0, 3) for d in rng.sample(documents, 12)} for i in range(15)}
    scores = (lambda: rng.randint(0, 4)) if ties else rng.random
    run = {query: {d: float(scores()) for d in rng.sample(documents, 25)} for query in qrels}
    return qrels, run


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_the_library(seed):
    qrels, run = random_runs(seed, ties=False)
    found = evaluate(a_collection(qrels, run), {})
    for name, measure in parse_measures().items():
        expected = {m.query_id: m.value for m in measure.iter_calc(qrels, run)}
        assert found.figures["first stage"][name] == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_a_written_run_has_the_same_figures_in_trec_eval(tmp_path, seed):
    """Even where scores tie, which trec_eval would break by id."""
    qrels, run = random_runs(seed, ties=True)
    write_run(tmp_path / "run", run)
    lines = [line.split() for line in (tmp_path / "run").read_text().splitlines()]
    written: dict[str, dict[str, float]] = {query: {} for query in run}
    for query, _, document, _, score, _ in lines:
        written[query][document] = float(score)
    library = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "map", "recip_rank"})
    found = evaluate(a_collection(qrels, run), {}, measures=["nDCG@10", "MAP", "RR"])
    for query, figures in library.evaluate(written).items():
        ours = [found.figures["first stage"][name][query] for name in found.measures]
        theirs = [figures[name] for name in ("ndcg_cut_10", "map", "recip_rank")]
        assert ours == pytest.approx(theirs)


@pytest.mark.parametrize(
    "name", ["nonsense", "", "nDCG@x", "nDCG@0", "MAP(rel=one)", "MAP(foo=1)", "Recall", "P"]
)
def test_a_measure_that_is_none(name):
    with pytest.raises(InvalidArgumentError, match="measure"):
        parse_measures([name])


def test_measures_that_are_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(FailedPreconditionError, match=r'pip install "rerank-core\[eval\]"'):
        parse_measures()


def test_reranking_scores_every_pair_as_the_reranker_does(random_bert, monkeypatch):
    monkeypatch.setattr(reranking, "_PAIRS", 7)  # so that chunks end inside a query
    texts = dict(zip("abcdefghij", models.texts(10), strict=True))
    queries = {"1": "silver river", "2": "bread recipe", "3": "winter", "4": "never asked"}
    rng = random.Random(0)
    run = {query: dict.fromkeys(rng.sample(sorted(texts), 6), 0.0) for query in queries}
    qrels = {query: {"a": 1} for query in "123"}
    collection = Collection("made", queries, texts, qrels, run)
    told = []
    found = rerank_run(
        random_bert, collection, on_progress=lambda *counts: told.append(counts), max_pair_tokens=20
    )
    assert list(found) == ["1", "2", "3"]
    for query, scores in found.items():
        assert list(scores) == list(run[query])
        alone = random_bert.score(
            queries[query], [texts[d] for d in scores], raw_scores=True, max_pair_tokens=20
        )
        assert list(scores.values()) == alone.tolist()
    assert told == [(7, 18), (14, 18), (18, 18)]


def test_nan_names_its_pair(tmp_path):
    """Only a row that ends with the poisoned token is NaN."""
    tokenizer = models.wordpiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A", pair="[CLS] $A $B", special_tokens=[("[CLS]", 2)]
    )
    values = np.zeros(tokenizer.get_vocab_size())
    values[tokenizer.token_to_id("d")] = np.nan
    directory = models.write(tmp_path / "m", graph=graphs.table(values), tokenizer=tokenizer)
    wanted = r"made: document 'd' for query 'q': the model gave NaN"
    with Reranker(directory) as reranker, pytest.raises(EngineError, match=wanted):
        rerank_run(reranker, a_collection())


def test_a_score_that_is_nan():
    with pytest.raises(InvalidArgumentError, match="ours: the score of document 'b' for query 'q'"):
        evaluate(a_collection(), {"ours": {"q": {"a": 1.0, "b": math.nan}}})
    with pytest.raises(InvalidArgumentError, match="name yours otherwise"):
        evaluate(a_collection(), {"first stage": RUN})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"qrels": {"other": {"a": 1}}}, "none of the 1 queries of the run has a relevant"),
        ({"qrels": {"q": {"a": 0}}}, "none of the 1 queries"),
        ({"run": {}}, "none of the 0 queries"),
        ({"run": {"q": {}}}, "none of the 1 queries"),
        (
            {"documents": {"a": "", "b": ""}},
            "2 of the 4 documents of the run have no text, 'c' first",
        ),
        ({"queries": {}}, "1 of the 1 queries of the run have no text, 'q' first"),
        ({"queries": {"q": " "}}, "the text of query 'q' is empty"),
    ],
)
def test_collections_that_do_not_fit_together(changes, message):
    given = {"queries": {"q": "words"}, "documents": dict.fromkeys("abcd", ""), "qrels": QRELS}
    with pytest.raises(InvalidArgumentError, match=message):
        Collection("made", **{**given, "run": RUN, **changes})


def test_a_comparison_by_hand():
    """All 16 ways to swap: only those that take all of 0.1, 0.2 and 0.3 to one side reach the mean."""
    baseline = dict.fromkeys("abcd", 0.5)
    found = compare({"a": 0.6, "b": 0.7, "c": 0.8, "d": 0.5}, baseline)
    assert found.change == pytest.approx(0.15)
    assert found.changes == pytest.approx({"a": 0.1, "b": 0.2, "c": 0.3, "d": 0})
    assert (found.better, found.worse, found.same) == (3, 0, 1)
    assert found.p_value == pytest.approx(4 / 16)
    assert found.standard_error == pytest.approx(np.std([0.1, 0.2, 0.3, 0], ddof=1) / 2)
    turned = compare(baseline, {"a": 0.6, "b": 0.7, "c": 0.8, "d": 0.5})
    assert turned.change == pytest.approx(-0.15)
    assert turned.p_value == found.p_value
    assert (turned.better, turned.worse) == (0, 3)


def by_query(values):
    return {f"q{i}": float(value) for i, value in enumerate(values)}


def test_a_comparison_agrees_with_the_paired_t_test():
    rng = np.random.default_rng(1)
    one, two = rng.random(200) + 0.06, rng.random(200)
    found = compare(by_query(one), by_query(two))
    expected = stats.ttest_rel(one, two)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()))
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.02)
    assert compare(by_query(one), by_query(two)) == found, "the draws have a seed"


@pytest.mark.parametrize(
    ("changes", "p_value", "interval"),
    [([0.0] * 5, 1, (0, 0)), ([0.25] * 5, 2 / 32, (0.25, 0.25)), ([0.25], 1, None)],
)
def test_comparisons_of_little(changes, p_value, interval):
    found = compare(by_query(changes), by_query([0] * len(changes)))
    assert found.p_value == pytest.approx(p_value)
    assert found.interval == (interval and pytest.approx(interval))


def test_comparisons_that_cannot_be():
    with pytest.raises(InvalidArgumentError, match="same queries, got 1 and 2, 1 of them in both"):
        compare({"a": 1.0}, {"a": 1.0, "b": 1.0})
    with pytest.raises(InvalidArgumentError, match="same queries, got 0 and 0"):
        compare({}, {})
    with pytest.raises(InvalidArgumentError, match="figures of query 'b' are not both finite"):
        compare({"a": 1.0, "b": math.nan}, {"a": 1.0, "b": 1.0})


def test_what_is_compared_and_said():
    better = {"q": {"b": 1.0, "d": 0.5, "a": 0.1, "c": 0.0}}
    found = evaluate(a_collection(), {"one": better, "two": RUN}, measures=["nDCG@10", "MRR@10"])
    assert found.against() == [("one", "first stage"), ("two", "first stage"), ("two", "one")]
    said = json.loads(json.dumps(found.to_dict(per_query=True)))
    assert said["systems"]["one"]["MRR@10"] == 1
    assert said["per_query"]["first stage"]["MRR@10"] == {"q": 0.5}
    assert said["comparisons"][1]["changes"] == {"q": 0.5}
    changes = {(c["system"], c["baseline"], c["measure"]): c["change"] for c in said["comparisons"]}
    assert changes["one", "first stage", "MRR@10"] == 0.5
    assert changes["two", "one", "MRR@10"] == -0.5
    assert len(changes) == 6
    brief = found.to_dict()
    assert "per_query" not in brief
    assert "changes" not in brief["comparisons"][0]
    lines = found.to_text(per_query=True).splitlines()
    assert lines[0] == "made: 1 queries, 4 pairs"
    assert lines[4].split() == ["one", f"{gain(3, 1) / gain(3, 2, 1):.4f}", "1.0000"]
    assert lines[-1].split() == ["q", *lines[-1].split()[1:4], "+0.0000"]
    assert ir_measures.parse_measure(found.measures[0]) == ir_measures.nDCG @ 10
