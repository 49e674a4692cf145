"""What a model is best run with is tried, checked, and kept in its directory."""

import json
from dataclasses import replace

import pytest

from rerank_core import Reranker
from rerank_core.cli import main
from rerank_core.errors import InvalidArgumentError, ModelError, ProviderError
from rerank_core.models.manifest import PACKED, Manifest
from rerank_core.models.prepare import calibrate, calibration, prepare
from tests import graphs, models

BUDGETS = [256, 512, 1024]


@pytest.fixture(autouse=True)
def few_documents(monkeypatch):
    monkeypatch.setattr(calibration, "_DOCUMENTS", 70)


@pytest.fixture
def source(tmp_path):
    return models.write(tmp_path / "source", graph=graphs.bert(graphs.Shape(vocab=400)))


@pytest.fixture
def prepared(source, tmp_path):
    return prepare(source, tmp_path / "prepared").directory


def test_the_fastest_is_kept(prepared):
    before = Manifest.read(prepared)
    trials = calibrate(prepared, device="cpu")
    assert [trial.token_budget for trial in trials] == [512, *BUDGETS]
    assert all(trial.pairs_per_second > 0 and not trial.packed for trial in trials)
    kept = Manifest.read(prepared)
    assert kept.token_budget in (None, *BUDGETS)
    assert len(kept.made["calibration"]) == len(trials)
    assert kept.sha256 == before.sha256
    with Reranker(prepared) as reranker:
        assert reranker.info.token_budget == (kept.token_budget or 512)
    with Reranker(prepared, token_budget=77) as reranker:
        assert reranker.info.token_budget == 77


def test_what_is_faster_wins(prepared, monkeypatch):
    speeds = iter([100.0, 101.0, 150.0, 149.0])
    monkeypatch.setattr(calibration._Calibration, "_try", lambda *_: (next(speeds), None))
    calibrate(prepared, device="cpu")
    assert Manifest.read(prepared).token_budget == 512, "the third that was tried"


def test_packed_rows_that_score_otherwise_are_refused(prepared, monkeypatch):
    (prepared / PACKED).write_bytes(b"anything")
    shift = iter([0.0, 1.0])
    original = calibration._Calibration._try

    def shifted(self, manifest):
        speed, logits = original(self, Manifest(**{**vars(manifest), "packed": None}))
        return speed, logits + next(shift)

    before = (prepared / "rerank_core.json").read_bytes()
    monkeypatch.setattr(calibration._Calibration, "_try", shifted)
    with pytest.raises(ModelError, match=r"packed score 1 off"):
        calibrate(prepared, device="cpu")
    assert (prepared / "rerank_core.json").read_bytes() == before, "nothing half done stays"


@pytest.fixture
def captures(source, tmp_path, monkeypatch):
    """A directory whose rows can be padded. On a CPU nothing is recorded, but the same way is gone."""
    monkeypatch.setitem(calibration._CAPTURED_TOKENS, "cpu", (64, 512))
    return prepare(source, tmp_path / "captures", without=["no-mask"]).directory


def test_small_batches_are_captured_where_that_is_faster(captures):
    trials = calibrate(captures, device="cpu")[1 + len(BUDGETS) :]
    assert [trial.captured_tokens for trial in trials] == [0, 64, 512]
    assert all(trial.documents == 10 and trial.pairs_per_second > 0 for trial in trials)
    assert Manifest.read(captures).captured_tokens in (None, 64, 512)


@pytest.mark.usefixtures("captures")
def test_what_cannot_be_captured_is_not_kept(prepared):
    """Without a mask rows cannot be padded to a shape."""
    trials = calibrate(prepared, device="cpu")
    assert {trial.captured_tokens for trial in trials} == {0}
    assert Manifest.read(prepared).captured_tokens is None


def test_what_was_captured_before_is_tried_anew(captures, monkeypatch):
    tried = []

    def seen(_, manifest, *few):
        tried.append((manifest.captured_tokens, *few))
        return 100.0 + (manifest.captured_tokens or 0), []

    replace(Manifest.read(captures), captured_tokens=4096).write(captures)
    monkeypatch.setattr(calibration._Calibration, "_try", seen)
    calibrate(captures, device="cpu")
    assert tried[-3:] == [(None, 10), (64, 10), (512, 10)]
    assert {tokens for tokens, *_ in tried[:-3]} == {None}
    assert Manifest.read(captures).captured_tokens == 512


def test_captured_batches_that_score_otherwise_are_not_kept(captures, monkeypatch, caplog):
    original = calibration._Calibration._try

    def shifted(self, manifest, *few):
        _, logits = original(self, manifest, *few)
        recorded = manifest.captured_tokens or 0
        return 100.0 + recorded, logits + recorded

    monkeypatch.setattr(calibration._Calibration, "_try", shifted)
    calibrate(captures, device="cpu")
    assert Manifest.read(captures).captured_tokens is None
    assert "replayed score 5.1e+02 off" in caplog.text


def test_an_interrupt_leaves_what_was(prepared, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    before = Manifest.read(prepared)
    monkeypatch.setattr(calibration._Calibration, "_choices", interrupted)
    with pytest.raises(KeyboardInterrupt):
        calibrate(prepared, device="cpu")
    assert Manifest.read(prepared) == before


def test_errors_name_the_culprit(prepared, source, tmp_path):
    with pytest.raises(ModelError, match="was prepared for cpu, not for cuda"):
        calibrate(prepared, device="cuda")
    with pytest.raises(ModelError, match="prepared for no device"):
        calibrate(source, device="cpu")
    with pytest.raises(InvalidArgumentError, match="got 'tpu'"):
        calibrate(prepared, device="tpu")
    for_cuda = prepare(source, tmp_path / "cuda", device="cuda").directory
    with pytest.raises(ProviderError, match="CUDAExecutionProvider"):
        calibrate(for_cuda)


def test_from_the_command_line(prepared, capsys):
    assert main(["calibrate", str(prepared), "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == "rows token budget in flight captured documents pairs/s".split()
    assert len(lines) == 2 + len(BUDGETS)
    assert main(["calibrate", str(prepared), "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["packed"] is False
