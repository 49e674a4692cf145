"""What a job tells while it runs, and after."""

import io
import json

import pytest

from rerank_core import cli, jobs
from rerank_core.jobs.progress import Lines, progress_on
from rerank_core.jobs.report import clock
from tests.jobs import made


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def path(tmp_path):
    return made.write_lines(tmp_path / "in.jsonl", [*made.rows(60), {"query": "no documents"}])


def test_a_bar_on_a_terminal(random_bert, path, tmp_path):
    terminal = Terminal()
    jobs.run(path, tmp_path / "out", model=random_bert, progress=terminal, window_pairs=20)
    for said in ("100%", "pairs/s=", "tokens/s=", "bad="):
        assert said in terminal.getvalue()


def test_lines_elsewhere():
    stream = io.StringIO()
    lines = Lines(stream, every=0)
    counts = {"rows": 0, "bad_rows": 0, "pairs": 0, "tokens": 0}
    lines.update(0.5, counts, 0.0)  # the half that an earlier run had done
    counts = {"rows": 2000, "bad_rows": 3, "pairs": 10_000, "tokens": 300_000}
    lines.update(0.6, counts, 10.0)
    assert stream.getvalue().splitlines()[1] == (
        "60%, 2,000 rows, 10,000 pairs, 1,000 pairs/s, 30,000 tokens/s, 3 bad, 0:00:40 left"
    )


def test_nothing_on_request():
    progress_on(None).update(1.0, {}, 1.0)


def test_durations():
    assert [clock(seconds) for seconds in (0, 59.6, 3600, 360_000)] == [
        "0:00:00",
        "0:01:00",
        "1:00:00",
        "100:00:00",
    ]


def test_the_report(capsys, path, tmp_path, model_directory):
    command = ["job", str(path), "-o", str(tmp_path / "out"), "--model", str(model_directory)]
    assert cli.main([*command, "--json"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["rows"], report["bad_rows"], report["parts"]) == (61, 1, 1)
    assert report["reasons"] == {"no field 'documents' or 'document'; there are 'query'": 1}
    assert report["pairs_per_second"] > 0 < report["tokens_per_second"]
    assert cli.main(command) == 3
    out = capsys.readouterr().out
    assert "61 rows, 1 of them bad" in out
    assert "1 x no field 'documents'" in out


def test_a_picture(random_bert, path, tmp_path):
    jobs.run(path, tmp_path / "out", model=random_bert, plot=tmp_path / "pace.svg", window_pairs=20)
    drawn = (tmp_path / "pace.svg").read_text()
    assert drawn.startswith("<?xml")
    assert drawn.count("<path") > 10
