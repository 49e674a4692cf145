"""Files of judged collections: what is read and written, and what is refused, by file and line."""

import gzip
import re

import pytest

from rerank_core import InvalidArgumentError
from rerank_core.eval import (
    Collection,
    read_collection,
    read_qrels,
    read_run,
    read_texts,
    rerank_run,
    write_run,
)


@pytest.fixture
def file(tmp_path):
    def file(data, name="file"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return file


@pytest.mark.parametrize(
    "text",
    [
        "q1 0 d1 2\nq1 0 d2 -1\nq2 0 d1 0\n",
        "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t-1\nq2\td1\t0",
        "q1\td1\t2.0\r\n\r\nq1\td2\t-1\r\nq2\td1\t0\r\n",
        "\ufeffq1 0 d1 2\nq1 0 d2 -1\nq2 0 d1 0",
    ],
    ids=["TREC", "BEIR", "no head, Windows", "byte order mark"],
)
def test_qrels(file, text):
    assert read_qrels(file(text)) == {"q1": {"d1": 2, "d2": -1}, "q2": {"d1": 0}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("q1 Q0 d2 1 9.5 bm25\nq1 Q0 d1 2 -1e1 bm25", {"d2": 9.5, "d1": -10.0}),
        ("qid\tdocid\trank\tscore\nq1\td2\t1\t9.5\nq1\td1\t2\t-10", {"d2": 9.5, "d1": -10.0}),
        ("q1\td2\t1\nq1\td1\t2\n", {"d2": -1.0, "d1": -2.0}),
    ],
    ids=["TREC", "four columns", "MS MARCO"],
)
def test_runs(file, text, expected):
    run = read_run(file(text))
    assert run == {"q1": expected}
    assert list(run["q1"]) == list(expected), "in the order of the file"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("corpus.jsonl", '{"_id": "a", "text": "One."}\n\n{"id": 7, "text": "Zwölf."}\n'),
        ("collection.tsv", "a\tOne.\n7\tZwölf.\n"),
    ],
)
@pytest.mark.parametrize(
    ("suffix", "packed"),
    [("", bytes), (".gz", gzip.compress)],
)
def test_texts(file, name, text, suffix, packed):
    path = file(packed(text.encode()), name + suffix)
    assert read_texts(path) == {"a": "One.", "7": "Zwölf."}
    assert read_texts(path, {"7"}) == {"7": "Zwölf."}


def test_fields_are_joined(file):
    path = file(
        '{"_id": "a", "title": "", "text": "One."}\n{"_id": "b", "title": "Two", "text": null}'
    )
    assert read_texts(path, fields=["title", "text"]) == {"a": "One.", "b": "Two"}
    assert read_texts(path, ["b"], fields=["title"]) == {"b": "Two"}


GOOD = '{"_id": "a", "text": "One."}\n'


@pytest.mark.parametrize(
    ("read", "data", "message"),
    [
        (read_qrels, "", "holds no judgments"),
        (read_qrels, "query-id corpus-id score\n", "holds no judgments"),
        (
            read_qrels,
            "q1 0 d1 1\nq1 d1\n",
            "line 2: must hold query, document and judgment .* 2 columns",
        ),
        (
            read_qrels,
            "q1 0 d1 1\n\nq1 0 d1 1",
            "line 3: document 'd1' comes a second time for query 'q1'",
        ),
        (read_qrels, "q1 0 d1 yes", "line 1: 'yes' must be a finite number"),
        (read_qrels, "q1 0 d1 0.5", "line 1: a judgment must be a whole number, got 0.5"),
        (
            read_qrels,
            "q1 0 d1 1\nquery-id corpus-id score",
            "line 2: 'score' must be a finite number",
        ),
        (read_run, "", "holds no ranking"),
        (read_run, "q1 Q0 d1 1 nan bm25", "line 1: nan must be a finite number"),
        (read_run, "q1 Q0 d1 1 inf bm25", "line 1: inf must be a finite number"),
        (
            read_run,
            "q1 Q0 d1 1 2.0",
            "line 1: a line must have 6 columns .*, got 5",
        ),
        (read_run, "q1 d1\n", "line 1: has neither a rank nor a score"),
        (read_run, "q1 Q0 d1 1 2 x\nq1 Q0 d1 2 1 x", "line 2: document 'd1' comes a second time"),
        (read_run, b"q1 Q0 d\xff 1 2 x", "line 1: not UTF-8"),
        (read_texts, GOOD + "{", "line 2: not JSON"),
        (read_texts, "[1]", "line 1: each line must hold a JSON object, not list"),
        (read_texts, '{"text": "One."}', "line 1: each object needs an '_id' or 'id'"),
        (read_texts, '{"_id": true, "text": "One."}', "line 1: each object needs an '_id' or 'id'"),
        (read_texts, GOOD * 2, "line 2: the id 'a' comes a second time"),
        (read_texts, '{"_id": "a", "body": "One."}', "line 1: must have strings as 'text'"),
        (read_texts, '{"_id": "a", "text": 1}', "line 1: must have strings as 'text'"),
        (read_texts, '{"_id": "a", "text": "\\ud800"}', "line 1: the text has no UTF-8 form"),
    ],
)
def test_bad_lines(file, read, data, message):
    path = file(data)
    with pytest.raises(InvalidArgumentError, match=f"^{re.escape(str(path))}.*{message}"):
        read(path)


def test_bad_files(file, tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(InvalidArgumentError, match=f"^{re.escape(str(path))} cannot be read"):
            read_qrels(path)
    for path, line in (
        (file(gzip.compress(b"q1 0 d1 1\n")[:-9], "cut.gz"), 1),
        (file("q1 0 d1 1", "plain.gz"), 0),
    ):
        message = (
            f"^{re.escape(str(path))}, line {line + 1}: the file breaks off after line {line}: "
        )
        with pytest.raises(InvalidArgumentError, match=message):
            read_qrels(path)
    with pytest.raises(
        InvalidArgumentError, match=r"line 1: a line must be an id, a tab and a text"
    ):
        read_texts(file("no tab", "queries.tsv"))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_run_comes_back(tmp_path, suffix):
    path = tmp_path / f"run{suffix}"
    write_run(path, {"q2": {"a": 0.1, "b": 7.0}, "q1": {"c": -3.5}}, tag="ours")
    read = read_run(path)
    assert list(read) == ["q2", "q1"]
    assert list(read["q2"]) == ["b", "a"]
    assert read["q2"]["a"] == pytest.approx(0.1, abs=1e-8)


def test_equal_scores_are_written_apart(tmp_path):
    """And what lies within their steps gives way, so that the order is always that of the scores."""
    write_run(tmp_path / "run", {"q": {"z": 1.0, "a": 1.0, "m": 1.0 - 1e-12, "b": 0.5}})
    rows = [line.split() for line in (tmp_path / "run").read_text().splitlines()]
    assert [row[2] for row in rows] == ["z", "a", "m", "b"]
    scores = [float(row[4]) for row in rows]
    assert scores == sorted(set(scores), reverse=True)
    assert scores == pytest.approx([1, 1, 1, 0.5], abs=1e-6)


@pytest.mark.parametrize(
    ("run", "tag", "message"),
    [
        ({"q": {"a b": 1.0}}, "x", "the document 'a b' holds white space"),
        ({"q 1": {"a": 1.0}}, "x", "the query 'q 1' holds white space"),
        ({"q": {"a": 1.0}}, "my model", "the tag 'my model' holds white space"),
        ({"q": {"a": 1.0}}, "", "the tag '' holds white space, or nothing"),
    ],
)
def test_what_a_run_file_cannot_hold(tmp_path, run, tag, message):
    with pytest.raises(InvalidArgumentError, match=message):
        write_run(tmp_path / "run", run, tag=tag)
    assert not (tmp_path / "run").exists()


CORPUS = "".join(f'{{"_id": "d{i}", "title": "T{i}", "text": "Text {i}."}}\n' for i in range(5))
QUERIES = '{"_id": "q1", "text": "one"}\n{"_id": "q2", "text": "two"}\n{"_id": "q3", "text": "x"}\n'
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td9\t1\n"
FIRST = "q1 Q0 d0 1 1 x\nq1 Q0 d1 2 3 x\nq1 Q0 d2 3 2 x\nq2 Q0 d3 1 1 x\nq9 Q0 d99 1 1 x\n"


@pytest.fixture(params=["BEIR", "BEIR, compressed", "beside each other"])
def layout(request, file, tmp_path):
    qrels = {"beside each other": "qrels.tsv"}.get(request.param, "qrels/test.tsv")
    packed = (gzip.compress, ".gz") if "compressed" in request.param else (bytes, "")
    for name, text in (("corpus.jsonl", CORPUS), ("queries.jsonl", QUERIES), (qrels, QRELS)):
        file(packed[0](text.encode()), name + packed[1])
    file(FIRST, "run.trec")
    return tmp_path


def test_a_collection(layout):
    """A judged document that nobody found needs no text, nor does what was found for an unjudged query."""
    collection = read_collection(layout, run=layout / "run.trec")
    assert collection.name == layout.name
    assert collection.queries == {"q1": "one", "q2": "two"}
    assert collection.documents == {f"d{i}": f"T{i} Text {i}." for i in range(4)}
    assert collection.judged == {"q1": {"d1": 1}, "q2": {"d9": 1}}
    assert {q: list(found) for q, found in collection.candidates.items()} == {
        "q1": ["d1", "d2", "d0"],
        "q2": ["d3"],
    }


def test_a_collection_to_a_depth(layout):
    collection = read_collection(layout, run=layout / "run.trec", depth=2, fields=["text"])
    assert list(collection.candidates["q1"]) == ["d1", "d2"]
    assert collection.documents["d1"] == "Text 1."
    with pytest.raises(InvalidArgumentError, match="depth must be >= 1, got 0"):
        read_collection(layout, run=layout / "run.trec", depth=0)


def test_the_files_of_a_collection_by_name(file, bundled):
    collection = read_collection(
        run=file(FIRST, "run.trec"),
        corpus=file(CORPUS, "a.jsonl"),
        queries=file("q1\tone\nq2\ttwo\n", "b.tsv"),
        qrels=file("q1 0 d1 1", "c.txt"),
    )
    assert collection.name == "c.txt"
    assert isinstance(collection, Collection)
    assert list(rerank_run(bundled, collection)["q1"]) == ["d1", "d2", "d0"]


def test_a_collection_with_holes(file, tmp_path):
    run = file(FIRST, "run.trec")
    with pytest.raises(InvalidArgumentError, match=r"has no qrels/dev.tsv or .*, plain or .gz;"):
        read_collection(tmp_path, run=run, split="dev")
    with pytest.raises(InvalidArgumentError, match="give either a directory or qrels, the file"):
        read_collection(run=run)
    qrels = file(QRELS, "qrels.tsv")
    queries = file(QUERIES, "queries.jsonl")
    with pytest.raises(InvalidArgumentError, match=r"has no corpus.jsonl, plain or"):
        read_collection(tmp_path, run=run)
    file(CORPUS.splitlines()[0], "corpus.jsonl")
    with pytest.raises(
        InvalidArgumentError, match="3 of the 4 documents of the run have no text, 'd1' first"
    ):
        read_collection(tmp_path, run=run, qrels=qrels, queries=queries)
