"""Whatever ends a job, the next run gives the bytes of one that was never stopped."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from rerank_core import jobs
from rerank_core.jobs.parts import JOURNAL, Output
from rerank_core.jobs.settings import Settings
from tests.jobs import made

PART_PAIRS = 150


@pytest.fixture(scope="module")
def given(tmp_path_factory, random_bert):
    """An input with bad rows in it, and what an uninterrupted job makes of it."""
    folder = tmp_path_factory.mktemp("given")
    rows = made.rows(400)
    for number in range(0, 400, 9):
        rows[number] = {"query": "no documents"}
    path = made.write_lines(folder / "in.jsonl", rows)
    jobs.run(path, folder / "out", model=random_bert, part_pairs=PART_PAIRS, top_n=3)
    return path, made.parts(folder / "out")


def run(random_bert, given, output, **options):
    return jobs.run(
        given[0],
        output,
        **{
            "model": random_bert,
            "part_pairs": PART_PAIRS,
            "top_n": 3,
            "window_pairs": 100,
            **options,
        },
    )


class Lost(BaseException):
    """The power is gone."""


def test_power_lost_at_every_step(random_bert, given, tmp_path, monkeypatch):
    """Ends at the n-th time that something was to be made durable, for every n, and goes on each time."""
    output, steps, left = tmp_path / "out", 0, [0]
    real_fsync, real_replace = os.fsync, Path.replace

    def dying(real):
        def step(*arguments):
            left[0] -= 1
            if left[0] < 0:
                raise Lost
            return real(*arguments)

        return step

    monkeypatch.setattr(os, "fsync", dying(real_fsync))
    monkeypatch.setattr(Path, "replace", dying(real_replace))
    while True:
        # Each run does one step more than the last, so that every step is once the one that fails.
        left[0] = steps % 9
        steps += 1
        try:
            report = run(random_bert, given, output)
        except Lost:
            continue
        break
    assert made.parts(output) == given[1]
    assert steps > len(given[1]), "it did not die between parts"
    assert report.rows == 400


def start(model_directory, given, output, *, limits=None):
    command = [sys.executable, "-m", "rerank_core", "job", str(given[0]), "-o", str(output)]
    command += ["--model", str(model_directory), "--part-pairs", str(PART_PAIRS), "--top-n", "3"]
    return subprocess.Popen(
        [*command, "--threads", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limits,  # noqa: PLW1509  (no other thread of this process holds what it needs)
    )


def wait_for_journal(process, output):
    """Wait until the job has begun, in the time that this machine takes for it."""
    while process.poll() is None and not (output / JOURNAL).exists():
        time.sleep(0.005)


def kill_and_resume(model_directory, given, output, kills, seed):
    rng = random.Random(seed)
    for _ in range(kills):
        process = start(model_directory, given, output)
        wait_for_journal(process, output)
        time.sleep(rng.uniform(0, 0.4))
        process.kill()
        process.communicate()
    process = start(model_directory, given, output)
    _, errors = process.communicate()
    assert process.returncode == 3, errors
    assert made.parts(output) == given[1]


def test_killed_and_started_again(model_directory, given, tmp_path):
    kill_and_resume(model_directory, given, tmp_path / "out", kills=2, seed=1)


@pytest.mark.long
def test_killed_at_a_hundred_moments(model_directory, given, tmp_path):
    for turn in range(20):
        kill_and_resume(model_directory, given, tmp_path / f"out{turn}", kills=5, seed=turn)


def test_terminated(model_directory, given, tmp_path):
    process = start(model_directory, given, tmp_path / "out")
    wait_for_journal(process, tmp_path / "out")
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode in (128 + signal.SIGTERM, 3)  # 3: it was faster
    kill_and_resume(model_directory, given, tmp_path / "out", kills=0, seed=0)


def test_a_full_disk(random_bert, model_directory, given, tmp_path):
    """No file may grow beyond a size that a part exceeds."""
    largest = max(len(content) for name, content in given[1].items() if name.startswith("part"))

    def limits():
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, largest // 2))

    process = start(model_directory, given, tmp_path / "out", limits=limits)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "File too large" in errors
    run(random_bert, given, tmp_path / "out")
    assert made.parts(tmp_path / "out") == given[1]


def test_what_does_not_decide_the_output_may_change(random_bert, model_directory, given, tmp_path):
    with pytest.raises(jobs.BadRowsError):
        run(random_bert, given, tmp_path / "out", max_bad_share=0.01)
    run(str(model_directory), given, tmp_path / "out", window_pairs=37)
    assert made.parts(tmp_path / "out") == given[1]


def interrupted(random_bert, given, output):
    with pytest.raises(jobs.BadRowsError):
        run(random_bert, given, output, strict=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_n": 4}, "was begun with settings.top_n 3, and now it is 4"),
        ({"rank_fields": ["id"]}, r"settings.rank_fields \['text'\], and now it is \['id'\]"),
        ({"part_pairs": 7}, "settings.part_pairs 150, and now it is 7"),
        ({"compression": "gz"}, "settings.compression None, and now it is 'gz'"),
        ({"model": "bundled"}, "was begun with the model '.*bert', and now it is 'bundled'"),
    ],
)
def test_other_settings_are_refused(random_bert, given, tmp_path, options, message):
    interrupted(random_bert, given, tmp_path / "out")
    with pytest.raises(ValueError, match=message):
        run(
            random_bert, given, tmp_path / "out", **options
        ) if "model" not in options else jobs.run(
            given[0], tmp_path / "out", part_pairs=PART_PAIRS, top_n=3
        )


def test_another_input_is_refused(random_bert, given, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(given[0].read_bytes())
    interrupted(random_bert, (path,), tmp_path / "out")
    path.write_bytes(path.read_bytes().replace(b"q399", b"q398"))
    with pytest.raises(ValueError, match=r"was begun with inputs\..*in.jsonl '"):
        run(random_bert, (path,), tmp_path / "out")


def test_two_jobs_on_one_output(random_bert, given, tmp_path):
    settings = Settings("jsonl", "jsonl")
    (tmp_path / "out").mkdir()
    made_of = {"model": "m"}
    with (
        closing(Output(tmp_path / "out", settings, made_of, "m")),
        pytest.raises(RuntimeError, match="another job writes"),
    ):
        run(random_bert, given, tmp_path / "out")


def test_a_finished_job_does_nothing(random_bert, given, tmp_path):
    report = run(random_bert, given, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert run(random_bert, given, tmp_path / "out") == report
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before


def test_directories_that_are_no_jobs(random_bert, given, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    with pytest.raises(ValueError, match=r"holds 'mine.txt' and is no job's"):
        run(random_bert, given, tmp_path / "out")
    with pytest.raises(ValueError, match=r"mine.txt is a file; give a directory"):
        run(random_bert, given, tmp_path / "out" / "mine.txt")
    assert (tmp_path / "out" / "mine.txt").read_text() == "precious"


def stopped_after_parts(random_bert, given, output, monkeypatch, parts):
    """Run a job that ends after some commits."""
    real = Output.commit

    def commit(self, counts):
        real(self, counts)
        if self.parts == parts:
            raise Lost

    with monkeypatch.context() as patch:
        patch.setattr(Output, "commit", commit)
        with pytest.raises(Lost):
            run(random_bert, given, output)


def test_a_torn_journal(random_bert, given, tmp_path, monkeypatch):
    for cut in (1, 10, 50):
        output = tmp_path / f"out{cut}"
        stopped_after_parts(random_bert, given, output, monkeypatch, 3)
        journal = output / JOURNAL
        journal.write_bytes(journal.read_bytes()[:-cut])
        run(random_bert, given, output)
        assert made.parts(output) == given[1]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda output: (output / "part-00001.jsonl").unlink(), "part-00001.jsonl .* is gone"),
        (lambda output: (output / "part-00001.jsonl").write_text(""), "has 0 bytes"),
        (lambda output: (output / "errors.jsonl").write_text(""), "errors.jsonl .* has 0 bytes"),
        (
            lambda output: (output / JOURNAL).write_text("{\n{}\n"),
            "manifest.jsonl, line 1 is broken",
        ),
    ],
)
def test_what_was_changed_since_is_named(random_bert, given, tmp_path, monkeypatch, spoil, message):
    stopped_after_parts(random_bert, given, tmp_path / "out", monkeypatch, 3)
    spoil(tmp_path / "out")
    with pytest.raises(ValueError, match=message):
        run(random_bert, given, tmp_path / "out")


def test_the_report_is_of_the_whole_job(random_bert, given, tmp_path, monkeypatch):
    stopped_after_parts(random_bert, given, tmp_path / "out", monkeypatch, 3)
    report = run(random_bert, given, tmp_path / "out")
    rows = [json.loads(line) for line in given[0].read_text().splitlines()]
    assert report.pairs == sum(len(row.get("documents", ())) for row in rows)
    assert report.rows == 400
    assert 0 < report.resumed_rows < 400
    assert report.bad_rows == sum("documents" not in row for row in rows)
    assert "rows were done before" in report.to_text()
