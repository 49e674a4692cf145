"""Whatever stands in an input, each row is scored or told in errors.jsonl, and the job goes on."""

import errno
import gzip
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_core import cli, jobs
from tests.jobs import made

GOOD = {"query_id": "good", "query": "river", "documents": ["stone", "lamp"]}


def run(random_bert, tmp_path, **options):
    """Run a job on whatever lies there under the name of in.*."""
    (path,) = tmp_path.glob("in.*")
    report = jobs.run(path, tmp_path / "out", model=random_bert, **{"max_bad_share": 1, **options})
    errors = (tmp_path / "out" / "errors.jsonl").read_text().splitlines()
    return report, [json.loads(line) for line in errors]


LINES = [
    (b"{", "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b"[1]", "each line must hold a JSON object, not list"),
    (b"null", "each line must hold a JSON object, not NoneType"),
    (b'{"query": "b\xffd", "documents": ["a"]}', "not UTF-8"),
    (b'{"documents": ["a"]}', "no field 'query'; there are 'documents'"),
    (b'{"query": "a"}', "no field 'documents' or 'document'; there are 'query'"),
    (b"{}", "no field 'query'; there are none"),
    (b'{"query": 1, "documents": ["a"]}', "query must be a string, got int"),
    (b'{"query": null, "documents": ["a"]}', "query must be a string, got NoneType"),
    (b'{"query": " ", "documents": ["a"]}', "query must be a non-empty string"),
    (b'{"query": "a", "documents": []}', "documents must not be empty"),
    (b'{"query": "a", "documents": "b"}', "documents must be a Sequence of strings"),
    (b'{"query": "a", "documents": {"text": "b"}}', "documents must be a Sequence of strings"),
    (b'{"query": "a", "documents": null}', "documents must be a Sequence of strings"),
    (b'{"query": "a", "documents": ["b", 1]}', "got int at index 1"),
    (
        b'{"query": "a", "documents": [{"body": "b"}]}',
        "field 'text' not found in document at index 0",
    ),
    (
        b'{"query": "a", "documents": [{"text": 1}]}',
        "field 'text' of the document at index 0 must be",
    ),
    (b'{"query": "a", "documents": ["\\ud800"]}', "index 0 holds the lone surrogate '\\ud800'"),
    (b'{"query": "\\udfff", "documents": ["b"]}', "query holds the lone surrogate"),
    (b'{"query_id": "\\udfff", "query": "a", "documents": ["b"]}', "query_id holds the lone surr"),
    (b'{"query": "a", "documents": [{"id": "\\udfff", "text": "b"}]}', "the id of the document at"),
    (b'{"query_id": [1], "query": "a", "documents": ["b"]}', "query_id must be a string or a numb"),
    (
        b'{"query_id": true, "query": "a", "documents": ["b"]}',
        "query_id must be a string or a numb",
    ),
    (b'{"query": "a", "candidates": ["d1"]}', "'candidates' are ids of a corpus, and none was giv"),
]


def test_bad_lines(random_bert, tmp_path):
    good = json.dumps(GOOD).encode()
    content = b"".join(good + b"\n" + line + b"\n" for line, _ in LINES) + good
    (tmp_path / "in.jsonl").write_bytes(content)
    report, errors = run(random_bert, tmp_path)
    assert (report.rows, report.bad_rows) == (2 * len(LINES) + 1, len(LINES))
    assert len(made.read_lines(tmp_path / "out")) == len(LINES) + 1
    for number, ((line, reason), error) in enumerate(zip(LINES, errors, strict=True)):
        assert reason in error["reason"]
        assert error["line"] == 2 * number + 2
        assert error["file"] == str(tmp_path / "in.jsonl")
        assert error["original"].encode("utf-8", "surrogateescape") == line


_GOOD_LINE = json.dumps(GOOD).encode()
_LINES = st.one_of(
    st.just(_GOOD_LINE),
    st.binary(max_size=30),
    st.builds(
        lambda at, put: _GOOD_LINE[:at] + put + _GOOD_LINE[at + len(put) :],
        st.integers(0, len(_GOOD_LINE)),
        st.binary(max_size=3),
    ),
)


@given(lines=st.lists(_LINES, max_size=8))
def test_any_bytes(random_bert, lines):
    """Each line that is not blank is scored or told, never both, never neither."""
    content = b"\n".join(lines)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.jsonl").write_bytes(content)
        report, errors = run(random_bert, Path(folder))
        scored = made.read_lines(Path(folder) / "out")
    text = content.decode("utf-8-sig", "replace")
    assert report.rows == len(scored) + len(errors)
    assert report.rows == sum(bool(line.strip()) for line in text.split("\n"))
    assert len(scored) >= content.split(b"\n").count(_GOOD_LINE)


def test_pairs_that_are_too_long(random_bert, tmp_path):
    """Under NONE the rows with such a pair are told as `rerank` tells it, and the others scored."""
    rows = made.rows(40)
    for number in (3, 4, 17, 39):
        rows[number]["documents"].append({"text": "stone " * 600})
    made.write_lines(tmp_path / "in.jsonl", rows)
    report, errors = run(random_bert, tmp_path, truncate="NONE")
    assert report.bad_rows == 4
    assert [error["line"] for error in errors] == [4, 5, 18, 40]
    with pytest.raises(ValueError, match="maximum token limit") as found:
        random_bert.rerank(rows[3]["query"], rows[3]["documents"], truncate="NONE")
    assert errors[0]["reason"] == str(found.value)
    kept = [row for number, row in enumerate(rows) if number not in (3, 4, 17, 39)]
    assert [row["query_id"] for row in made.read_lines(tmp_path / "out")] == [
        row["query_id"] for row in kept
    ]


def test_rows_that_the_model_fails(tmp_path):
    """A graph that gives NaN for one word: that row is told, the others are scored."""
    import numpy as np

    from rerank_core import Reranker
    from tests import graphs, models

    tokenizer = models.wordpiece()
    values = np.linspace(-1, 1, tokenizer.get_vocab_size(with_added_tokens=True))
    values[tokenizer.token_to_id("river")] = np.nan
    tokenizer.post_processor = None
    directory = models.write(tmp_path / "model", graph=graphs.table(values), tokenizer=tokenizer)
    rows = [{"query": "lamp", "documents": ["stone", word]} for word in ("lamp", "river", "music")]
    made.write_lines(tmp_path / "in.jsonl", rows)
    with Reranker(directory) as reranker:
        report, errors = run(reranker, tmp_path)
    assert (report.rows, report.bad_rows) == (3, 1)
    assert errors[0]["line"] == 2
    assert "NaN" in errors[0]["reason"]


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_truncated_gzip(random_bert, tmp_path, cut):
    lines = "".join(json.dumps(row) + "\n" for row in made.rows(200))
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(lines.encode())[:-cut])
    report, errors = run(random_bert, tmp_path)
    assert "the file breaks off" in errors[-1]["reason"]
    assert report.rows - report.bad_rows == len(made.read_lines(tmp_path / "out")) > 100


def test_a_truncated_zst(random_bert, tmp_path):
    lines = "".join(json.dumps(row) + "\n" for row in made.rows(200))
    with pa.output_stream(tmp_path / "whole", compression="zstd") as stream:
        stream.write(lines.encode())
    (tmp_path / "in.jsonl.zst").write_bytes((tmp_path / "whole").read_bytes()[:-20])
    _, errors = run(random_bert, tmp_path)
    assert "the file breaks off" in errors[-1]["reason"]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_disk_that_fails_ends_the_job(random_bert, tmp_path, monkeypatch, suffix):
    """What the file holds is not to blame: the job stops, and goes on when the disk is back."""
    from fsspec.implementations.local import LocalFileOpener

    made.write_lines(tmp_path / "in.jsonl", made.rows(50))
    pq.write_table(pa.Table.from_pylist(made.rows(50)), tmp_path / "in.parquet")

    def fails(*_):
        raise OSError(errno.EIO, "Input/output error")

    def job():
        return jobs.run(tmp_path / f"in.{suffix}", tmp_path / "out", model=random_bert)

    with monkeypatch.context() as patch:
        patch.setattr(LocalFileOpener, "__iter__" if suffix == "jsonl" else "read", fails)
        with pytest.raises(OSError, match="Input/output error"):
            job()
    assert (job().rows, job().bad_rows) == (50, 0)


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_no_compressed_file_at_all(random_bert, tmp_path, suffix):
    made.write_lines(tmp_path / f"in.jsonl.{suffix}", [GOOD])
    report, errors = run(random_bert, tmp_path)
    assert (report.rows, report.bad_rows) == (1, 1)
    assert "the file breaks off after line 0" in errors[0]["reason"]


def test_parquet_of_another_schema(random_bert, tmp_path):
    pq.write_table(pa.table({"question": ["a"], "passages": [["b"]]}), tmp_path / "in.parquet")
    report, errors = run(random_bert, tmp_path)
    assert report.bad_rows == 1
    assert errors[0]["reason"] == "no field 'query'; there are 'question', 'passages'"
    assert errors[0]["original"] == {"question": "a", "passages": ["b"]}


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_no_table_at_all(random_bert, tmp_path, suffix):
    made.write_lines(tmp_path / f"in.{suffix}", [GOOD])
    report, errors = run(random_bert, tmp_path)
    assert report.bad_rows == 1
    assert "the file cannot be read after row 0" in errors[0]["reason"]


def test_parquet_that_is_damaged(random_bert, tmp_path):
    path = tmp_path / "in.parquet"
    pq.write_table(pa.Table.from_pylist(made.rows(300)), path, row_group_size=50)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 400] = b"\xff" * 400
    path.write_bytes(content)
    report, errors = run(random_bert, tmp_path)
    assert "the file cannot be read after row" in errors[-1]["reason"]
    assert 0 < report.rows < 300
    assert report.bad_rows == len(errors) == 1


@pytest.fixture
def collection(tmp_path):
    def write(run, corpus=None, queries=None):
        (tmp_path / "in.trec").write_text(run)
        given = corpus or '{"_id": "d1", "text": "river"}\n{"_id": "d2", "text": "lamp"}\n'
        (tmp_path / "corpus.jsonl").write_text(given)
        (tmp_path / "queries.jsonl").write_text(queries or '{"_id": "q1", "text": "stone"}\n')
        return {"corpus": tmp_path / "corpus.jsonl", "queries": tmp_path / "queries.jsonl"}

    return write


@pytest.mark.parametrize(
    ("run_file", "line", "reason"),
    [
        ("q1 Q0 d1 1\n", 1, "rank and score must be numbers, got 'd1'"),
        ("q1 Q0\n", 1, "1 of 1 candidates are not in the corpus: 'Q0'"),
        ("q1\n", 1, "a line must have 6 columns"),
        ("q1 Q0 d1 1 0.5 tag more\n", 1, "got 7"),
        ("q1 Q0 d1 one 0.5 tag\n", 1, "rank and score must be numbers, got 'one'"),
        ("q1 Q0 d1 1 high tag\n", 1, "rank and score must be numbers, got 'high'"),
        ("q9 Q0 d1 1 0.5 tag\n", 1, "query 'q9' is not among the queries"),
        ("q1 Q0 d9 1 0.5 tag\n", 1, "1 of 1 candidates are not in the corpus: 'd9'"),
        ("q1 Q0 d1 1 1 t\nq1 Q0 d1 2 0 t\n", 1, "document 'd1' is there twice"),
        (
            "q1 Q0 d1 1 1 t\nq2 Q0 d1 1 1 t\nq1 Q0 d2 2 0 t\n",
            3,
            "query_id 'q1' came before; in a run file the lines of a query stand together",
        ),
    ],
)
def test_run_files(random_bert, tmp_path, collection, run_file, line, reason):
    texts = collection(run_file, queries='{"_id": "q1", "text": "a"}\n{"_id": "q2", "text": "b"}\n')
    _, errors = run(random_bert, tmp_path, **texts)
    assert errors[-1]["line"] == line
    assert reason in errors[-1]["reason"]


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({"corpus": '{"_id": "d1", "text": "a"}\n{"_id": "d1", "text": "b"}'}, "'d1' came before"),
        (
            {"corpus": '{"_id": "d1", "text": "a"}\n{"text": "b"}'},
            "needs an '_id' or 'id' that is a",
        ),
        ({"corpus": '{"_id": "d1", "text": "a"}\n{"_id": "d2"}'}, "field 'text' not found"),
        (
            {"corpus": '{"_id": "d1", "text": "a"}\n{"_id": "d2", "text": "\\ud800"}'},
            "lone surrogate",
        ),
        ({"corpus": '{"_id": "d1", "text": "a"}\n{'}, "not JSON"),
        ({"queries": '{"_id": "q1", "text": "a"}\n{"_id": "q1", "text": "b"}'}, "'q1' came before"),
        ({"queries": '{"_id": "q1", "text": "a"}\n{"_id": "q2"}'}, "a query needs a 'text'"),
    ],
)
def test_texts_by_id(random_bert, tmp_path, collection, texts, reason):
    """What is wrong with queries or corpus is told; what needs none of it is scored."""
    report, errors = run(random_bert, tmp_path, **collection("q1 Q0 d1 1 1 t\n", **texts))
    assert (report.rows, report.bad_rows, report.bad_texts, report.pairs) == (1, 0, 1, 1)
    assert reason in errors[0]["reason"]
    assert errors[0]["line"] == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"query": "a", "documents": [{"id": "d", "text": "b"}]}, "a run file needs a query_id"),
        ({"query_id": "a b", "query": "a", "documents": ["b"]}, "without white space, got 'a b'"),
        ({"query_id": "a", "query": "a", "documents": ["b"]}, "needs an 'id' without white space"),
        (
            {"query_id": "a", "query": "a", "documents": [{"id": "d e", "text": "b"}]},
            "got 'd e' at index 0",
        ),
    ],
)
def test_what_a_run_file_cannot_hold(random_bert, tmp_path, row, reason):
    made.write_lines(tmp_path / "in.jsonl", [row])
    _, errors = run(random_bert, tmp_path, output_format="trec")
    assert reason in errors[0]["reason"]


def test_strict_stops_at_the_first(random_bert, tmp_path):
    made.write_lines(tmp_path / "in.jsonl", [GOOD, {"query": "a"}, {"query": "b"}])
    with pytest.raises(jobs.BadRowsError, match="line 2: no field 'documents'"):
        run(random_bert, tmp_path, strict=True)
    report, _ = run(random_bert, tmp_path)
    assert report.bad_rows == 2


def test_a_hopeless_job_ends_early(random_bert, tmp_path):
    made.write_lines(tmp_path / "in.jsonl", [{"question": "a"}] * 5000)
    with pytest.raises(jobs.BadRowsError, match=r"501 of 501 rows are bad.*501 of them: no field"):
        run(random_bert, tmp_path, max_bad_share=0.5)


def test_too_many_bad_rows_at_the_end(random_bert, tmp_path):
    made.write_lines(tmp_path / "in.jsonl", [GOOD, {"query": "a"}, GOOD])
    with pytest.raises(jobs.BadRowsError, match="1 of 3 rows are bad"):
        run(random_bert, tmp_path, max_bad_share=0.1)
    report, _ = run(random_bert, tmp_path, max_bad_share=0.4)
    assert (report.rows, report.resumed_rows) == (3, 3)


@pytest.mark.parametrize(
    ("rows", "options", "status"),
    [
        ([GOOD], [], 0),
        ([GOOD, {}], [], 3),
        ([GOOD, {}], ["--strict"], 4),
        ([{}, {}], [], 4),
        ([GOOD], ["--top-n", "0"], 1),
    ],
)
def test_exit_status(capsys, tmp_path, model_directory, rows, options, status):
    made.write_lines(tmp_path / "in.jsonl", rows)
    command = ["job", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out")]
    assert cli.main([*command, "--model", str(model_directory), *options]) == status
    captured = capsys.readouterr()
    assert ("rows" in captured.out) == (status in (0, 3))
    assert captured.err.startswith("rerank-core: ") == (status in (1, 4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": "none.jsonl"}, r"input '.*none.jsonl' is not there"),
        ({"inputs": "none-*.jsonl"}, r"input '.*none-\*.jsonl' fits no file"),
        ({"inputs": "."}, "is a directory; name its files"),
        ({"inputs": "in.weird"}, "'.*in.weird' does not tell its format"),
        ({"inputs": "nowhere://in.jsonl"}, "cannot be read: Protocol not known: nowhere"),
        ({"inputs": []}, "input must name at least one file"),
        (
            {"input_format": "csv"},
            "input_format must be one of jsonl, parquet, arrow, trec, got 'c",
        ),
        ({"input_format": "trec"}, "a run file names ids only: give queries and corpus"),
        ({"compression": "rar"}, "compression must be one of gz, zst, got 'rar'"),
        ({"compression": "gz", "output_format": "parquet"}, "parquet is compressed inside"),
        ({"top_n": 0}, "top_n must be >= 1, got 0"),
        ({"top_n": 1, "input_order": True}, "input_order gives every score"),
        ({"output_format": "trec", "input_order": True}, "a run file is ordered by rank"),
        ({"output_format": "trec", "return_documents": True}, "return_documents is for JSON lines"),
        ({"return_documents": True, "corpus": "in.jsonl"}, "documents of a corpus are not given"),
        ({"tag": "two words"}, "tag must be one word"),
        ({"max_bad_share": 2}, "max_bad_share must be between 0 and 1, got 2"),
        ({"max_pair_tokens": 2}, "max_pair_tokens must be at least 4, got 2"),
        ({"window_pairs": 0}, "window_pairs must be >= 1"),
        ({"truncate": "MIDDLE"}, "truncate must be 'END' or 'NONE'"),
        ({"rank_fields": "text"}, "rank_fields must be a list of field names"),
    ],
)
def test_arguments(random_bert, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    made.write_lines(tmp_path / "in.jsonl", [GOOD])
    made.write_lines(tmp_path / "in.weird", [GOOD])
    with pytest.raises((ValueError, TypeError, OSError), match=message):
        jobs.run(**{"inputs": "in.jsonl", "output": "out", "model": random_bert, **options})
    assert not (tmp_path / "out").exists()
