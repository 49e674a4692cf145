"""What stands between the benchmarks and the peers, tried with our own contender and figures by hand."""

import importlib.util
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks import peers, roofline, suite
from benchmarks.__main__ import rows
from benchmarks.baselines import CONTENDERS, OURS
from benchmarks.baselines.padding import Padding
from benchmarks.baselines.process import ContenderError, Process
from benchmarks.harness import RESULTS
from rerank_core import Tokenizer
from rerank_core.models.store import find
from tests import graphs, models
from tests.shared import DATA, needed

REQUESTS = [("river", models.texts(5)), ("lamp", models.texts(5, seed=1))]


@pytest.fixture
def weights(model_directory, tmp_path):
    """A checkpoint's place, beside which ours is prepared."""
    shutil.copytree(model_directory, tmp_path / "weights-fp32")
    return tmp_path / "weights"


def ask(process, path, requests, callers=1, **settings):
    path.write_text(
        json.dumps({"requests": requests, "callers": callers, "is_one_call": callers == 0})
    )
    return process.ask(path=str(path), settings=settings, is_first=True)


def is_stopped(process):
    """Signals take a moment."""
    stat = Path(f"/proc/{process._process.pid}/stat")
    for _ in range(1000):
        if stat.read_text().rpartition(")")[2].split()[0] in "tT":
            return True
        time.sleep(0.01)
    return False


def test_a_contender_answers_with_its_scores_and_is_stopped_between(weights, tmp_path, random_bert):
    expected = np.concatenate([random_bert.score(*each, raw_scores=True) for each in REQUESTS])
    with Process(OURS, weights) as process:
        ready = process.wait()
        assert ready["scale"] == "logit"
        assert is_stopped(process)
        # One request after another, many callers, and all as one call give the same.
        for callers in (1, 4, 0):
            answer = ask(process, tmp_path / "work.json", REQUESTS, callers)
            assert answer["scores"] == expected.tolist()
            assert answer["padding"] == 1.0
            assert len(answer["latencies"]) == (len(REQUESTS) if callers else 0)
            assert sum(answer["shares"].values()) == pytest.approx(1)
        assert is_stopped(process)
        with pytest.raises(ContenderError, match=r"TypeError.*batch_size"):
            ask(process, tmp_path / "work.json", REQUESTS, batch_size=4)
        assert ask(process, tmp_path / "work.json", REQUESTS)["scores"] == expected.tolist()


def test_what_cannot_be_loaded_or_is_not_installed_says_why(tmp_path, monkeypatch):
    with (
        Process(OURS, tmp_path / "nothing") as process,
        pytest.raises(ContenderError, match=r"NotFoundError.*nothing-fp32"),
    ):
        process.wait()
    monkeypatch.setattr("benchmarks.baselines.process.ENVIRONMENTS", tmp_path)
    with pytest.raises(ContenderError, match="is not there; run make peers"):
        Process("FlashRank", tmp_path)


def test_every_contender_has_its_file_and_its_environment():
    folder = Path(peers.__file__).parent / "baselines"
    for name, contender in CONTENDERS.items():
        assert (folder / f"{contender.module}.py").exists(), name
        if contender.environment:
            pins = (folder / f"requirements/{contender.environment}.txt").read_text().lower()
            for package in contender.packages:
                assert f"\n{package}==" in f"\n{pins}".replace("_", "-"), f"{name}: {package}"


def test_every_row_runs_a_module_of_ours():
    found = rows()
    for name, command in found.items():
        assert importlib.util.find_spec(command[2]), name
    results = {path.stem for path in RESULTS.glob("*.json")}
    assert results <= {name.partition(":")[0] for name in found}


@pytest.mark.parametrize("name", suite.WORKLOADS)
def test_a_made_workload_has_the_lengths_it_names(name, tmp_path):
    named = suite.WORKLOADS[name]
    work = suite.work(name, data=tmp_path / "nothing")
    assert work.source == "made"
    assert [len(documents) for _, documents in work.requests] == [named.documents] * named.requests
    assert work.requests == suite.work(name, data=tmp_path / "nothing").requests
    texts = [text for _, documents in work.requests for text in documents]
    found = Tokenizer(find("bundled").tokenizer).encode(texts, add_special_tokens=False)
    lengths = np.diff(found.offsets)
    assert lengths.mean() == pytest.approx(named.mean, rel=0.25)
    assert np.log(lengths).std() == pytest.approx(named.sigma, rel=0.3)
    assert sum(suite.histogram(lengths)) == len(texts)


@needed
@pytest.mark.parametrize("name", suite.WORKLOADS)
def test_a_workload_of_the_data_has_as_many_documents_as_a_made_one(name):
    named = suite.WORKLOADS[name]
    work = suite.work(name, data=DATA)
    assert work.source == "data"
    assert [len(documents) for _, documents in work.requests] == [named.documents] * named.requests


def test_scores_are_compared_as_logits_and_by_request():
    scores = [0.5, 1 / (1 + np.exp(-3)), 1.0]
    logits = peers._logits({"scores": scores}, {"scale": "sigmoid"})
    assert logits[:2].tolist() == pytest.approx([0, 3])
    assert np.isfinite(logits[2])
    work = suite.Work([("a", ["x", "y"]), ("b", ["z", "w", "v"])], "made")
    reference = np.array([1.0, 2.0, 3.0, 2.0, 1.0])
    assert peers._apart(reference, reference, work) == {
        "largest_logit_difference": 0.0,
        "of_spread": 0.0,
        "is_same": True,
        "top10_moved": 0.0,
    }
    apart = peers._apart(np.array([1.0, 2.0, 3.0, 1.0, 1.5]), reference, work)
    assert apart["largest_logit_difference"] == 1.0
    assert apart["is_same"] is False
    assert apart["top10_moved"] == 1.0  # none of the first request's two, two of the second's three


def test_padding_is_counted_from_a_start():
    padding = Padding()
    padding.see(np.ones((4, 4), np.int64))
    padding.start()
    padding.see(np.array([[1, 1, 1], [1, 0, 0]]))
    assert padding.ratio() == 6 / 4


def test_products_of_a_model_by_hand():
    # One layer of width 2 on one row of 3 tokens: 12 x 2 x 2 weights, twice, for each; and 3 x 3 x 2, four times.
    shape = graphs.Shape(layers=1, hidden=2, heads=2)
    row = np.array([3])
    assert roofline.gflop(shape, row, last="all tokens") == (3 * 96 + 72) / 1e9
    # The first token alone needs queries, output and inner layers; keys and values are everyone's.
    assert roofline.gflop(shape, row, last="first token") == (80 + 3 * 16 + 24) / 1e9
    # Absorbed, these are the query's; and each of its heads meets all of a token, not its own share.
    assert roofline.gflop(shape, row, last="absorbed") == (96 + 2 * 24) / 1e9
