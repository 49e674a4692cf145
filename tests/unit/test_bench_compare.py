"""What `make bench-compare` says of times that are known."""

import json
import subprocess

import pytest

from benchmarks import compare


def rounds(*ratios):
    """Rounds on a machine that slows down, so that times alone would mislead."""
    return [
        ({"a": ratio * slow, "b": slow}, {"a": slow, "b": slow})
        for slow, ratio in enumerate(ratios, 1)
    ]


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ([1.3, 1.2, 1.3, 1.4], "slower"),
        ([0.5, 0.6, 0.5, 0.7], "faster"),
        ([1.0, 1.5, 1.0, 1.0], ""),
        ([1.02, 1.02, 1.02, 1.02], ""),
        ([0.8, 1.3, 0.8, 1.3], ""),
    ],
)
def test_verdicts(ratios, verdict):
    rows = compare.summarize(rounds(*ratios))
    assert rows["a"]["verdict"] == verdict
    assert rows["b"]["verdict"] == ""
    assert rows["b"]["ratio"] == {"median": 1, "q1": 1, "q3": 1}


def test_a_change_within_what_happens_by_chance_is_none():
    """What the controls do without any change, the others may do, too."""
    for control, verdict in ((1.0, "slower"), (1.3, ""), (0.7, "")):
        base = {"a[native]": 1.0, "a[python]": 1.0}
        rows = compare.summarize([({"a[native]": 1.2, "a[python]": control}, base)] * 3)
        assert rows["a[native]"]["verdict"] == verdict
        assert rows["a[python]"]["verdict"] == ""


def test_what_the_base_lacks_is_said():
    rows = compare.summarize([({"new": 0.5}, {}), ({"new": 0.7}, {})])
    assert rows["new"]["ratio"] is None
    assert compare.table(rows).splitlines()[1].split() == [
        "new",
        "600.000",
        "ms",
        "not",
        "in",
        "the",
        "base",
    ]


def test_a_table():
    lines = compare.table(compare.summarize(rounds(1.5, 1.5, 1.5))).splitlines()
    assert lines[1].split() == ["a", "3000.000", "ms", "1.50x", "(1.50", "to", "1.50)", "slower"]


@pytest.mark.parametrize(
    ("core", "status", "message"),
    [
        ("elsewhere", 0, "another build"),
        ("tree", 1, "the benchmarks fail"),
        (None, 0, "benchmarks fail"),
    ],
)
def test_what_was_timed_is_checked(monkeypatch, tmp_path, core, status, message):
    def run(command, **_):
        out = next(word.partition("=")[2] for word in command if "json" in word)
        where = str(tmp_path / core / "rerank_core/_core.so") if core else None
        if where:
            with open(out, "w") as file:
                json.dump({"machine_info": {"core": where}, "benchmarks": []}, file)
        return subprocess.CompletedProcess(command, status, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(RuntimeError, match=message):
        compare.times(tmp_path / "tree", must_pass=True)
    if core == "tree":
        assert compare.times(tmp_path / "tree", must_pass=False) == {}
