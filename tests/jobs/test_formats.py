"""Every format gives, bit for bit, what `Reranker.rerank` gives row by row."""

import bz2
import gzip
import json
import lzma

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from rerank_core import jobs
from tests.jobs import made

ROWS = made.rows(40)


@pytest.fixture(scope="module")
def expected(random_bert):
    return made.ranked(random_bert, ROWS)


def hits(output):
    return [
        [(hit["index"], hit["score"]) for hit in row["data"]] for row in made.read_lines(output)
    ]


def write_zst(path, data):
    with pa.output_stream(path, compression="zstd") as stream:
        stream.write(data)


COMPRESSED = {
    "jsonl": lambda path, data: path.write_bytes(data),
    "jsonl.gz": lambda path, data: path.write_bytes(gzip.compress(data)),
    "jsonl.bz2": lambda path, data: path.write_bytes(bz2.compress(data)),
    "jsonl.xz": lambda path, data: path.write_bytes(lzma.compress(data)),
    "jsonl.zst": write_zst,
}


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_json_lines(random_bert, expected, tmp_path, suffix):
    path = made.write_lines(tmp_path / "plain", ROWS)
    COMPRESSED[suffix](tmp_path / f"in.{suffix}", path.read_bytes())
    report = jobs.run(
        tmp_path / f"in.{suffix}", tmp_path / "out", model=random_bert, window_pairs=50
    )
    assert hits(tmp_path / "out") == expected
    assert report.rows == 40
    assert report.pairs == sum(len(row["documents"]) for row in ROWS)
    assert report.bad_rows == 0
    found = made.read_lines(tmp_path / "out")
    assert [(row["row"], row["query_id"], row["query"]) for row in found] == [
        (number, row["query_id"], row["query"]) for number, row in enumerate(ROWS)
    ]


def write_parquet(path):
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=7)


def write_arrow(path):
    pa.feather.write_feather(pa.Table.from_pylist(ROWS), path, chunksize=7)


@pytest.mark.parametrize(("suffix", "write"), [("parquet", write_parquet), ("arrow", write_arrow)])
def test_tables(random_bert, expected, tmp_path, suffix, write):
    write(tmp_path / f"in.{suffix}")
    jobs.run(tmp_path / f"in.{suffix}", tmp_path / "out", model=random_bert, part_pairs=60)
    read = pq.read_table if suffix == "parquet" else pa.feather.read_table
    found = [
        row for part in sorted((tmp_path / "out").glob("part-*")) for row in read(part).to_pylist()
    ]
    flat = [
        {
            "row": number,
            "query_id": f"q{number}",
            "index": index,
            "id": f"d{index}",
            "score": score,
        }
        for number, row in enumerate(expected)
        for index, score in row
    ]
    assert found == flat
    assert len(list((tmp_path / "out").glob("part-*"))) > 1


def test_one_pair_a_row(random_bert, tmp_path):
    pairs = [
        {"query": row["query"], "document": document["text"]}
        for row in ROWS
        for document in row["documents"]
    ]
    made.write_lines(tmp_path / "in.jsonl", pairs)
    jobs.run(tmp_path / "in.jsonl", tmp_path / "out", model=random_bert)
    assert hits(tmp_path / "out") == made.ranked(
        random_bert, [{**pair, "documents": [pair["document"]]} for pair in pairs]
    )


@pytest.fixture
def collection(tmp_path):
    """A corpus, queries, and a run file, once as BEIR and TREC have them and once as tables."""
    texts = {f"d{i}": f"{row['query']} {row['documents'][0]['text']}" for i, row in enumerate(ROWS)}
    queries = {row["query_id"]: row["query"] for row in ROWS[:10]}
    run = {query: [f"d{(7 * i + j) % 40}" for j in range(9)] for i, query in enumerate(queries)}
    made.write_lines(
        tmp_path / "corpus.jsonl",
        [{"_id": name, "title": f"No. {name}", "text": text} for name, text in texts.items()],
    )
    made.write_lines(
        tmp_path / "queries.jsonl", [{"_id": name, "text": text} for name, text in queries.items()]
    )
    (tmp_path / "corpus.tsv").write_text("".join(f"{n}\t{t}\n" for n, t in texts.items()))
    (tmp_path / "queries.tsv").write_text("".join(f"{n}\t{t}\n" for n, t in queries.items()))
    (tmp_path / "run.trec").write_text(
        "".join(
            f"{query} Q0 {name} {rank} {1 / rank} bm25\n"
            for query, names in run.items()
            for rank, name in enumerate(names, start=1)
        )
    )
    (tmp_path / "run.tsv").write_text(
        "qid\tdocid\trank\tscore\n"
        + "".join(
            f"{query}\t{name}\t{rank}\t{1 / rank}\n"
            for query, names in run.items()
            for rank, name in enumerate(names, start=1)
        )
    )
    candidates = [{"query_id": query, "candidates": names} for query, names in run.items()]
    made.write_lines(tmp_path / "run.jsonl", candidates)
    return texts, queries, run


@pytest.mark.parametrize("kind", ["trec", "tsv", "jsonl"])
def test_runs_and_corpora(random_bert, collection, tmp_path, kind):
    texts, queries, run = collection
    suffix = "tsv" if kind == "tsv" else "jsonl"
    jobs.run(
        tmp_path / f"run.{kind}",
        tmp_path / "out",
        model=random_bert,
        corpus=tmp_path / f"corpus.{suffix}",
        queries=tmp_path / f"queries.{suffix}",
        rank_fields=["text"] if suffix == "tsv" else ["title", "text"],
        output_format="trec",
        tag="tuned",
        fields=jobs.Fields(query_id="qid") if kind == "trec" else None,
        top_n=5,
        window_pairs=20,
    )
    (part,) = (tmp_path / "out").glob("part-*")
    title = "" if suffix == "tsv" else "No. {}\n"
    expected = ""
    for query, names in run.items():
        documents = [title.format(name) + texts[name] for name in names]
        best = random_bert.rerank(queries[query], documents, top_n=5).data
        for rank, hit in enumerate(best, start=1):
            expected += f"{query} Q0 {names[hit.index]} {rank} {hit.score!r} tuned\n"
    assert part.read_text() == expected
    assert not (tmp_path / "out" / "corpus.sqlite").exists()


@pytest.mark.usefixtures("collection")
def test_a_corpus_is_kept_and_only_for_what_it_was_made_of(random_bert, tmp_path):
    def run(output, **options):
        return jobs.run(
            tmp_path / "run.trec",
            tmp_path / output,
            model=random_bert,
            corpus=tmp_path / "corpus.jsonl",
            queries=tmp_path / "queries.jsonl",
            corpus_cache=tmp_path / "kept",
            **options,
        )

    run("one")
    before = (tmp_path / "kept").stat().st_mtime_ns
    run("two")
    assert (tmp_path / "kept").stat().st_mtime_ns == before
    assert made.parts(tmp_path / "one") == made.parts(tmp_path / "two")
    with pytest.raises(ValueError, match=r"keeps a corpus whose rank_fields were \['text'\]"):
        run("three", rank_fields=["title"])
    (tmp_path / "kept").write_text("something else")
    with pytest.raises(ValueError, match="kept is no corpus that a job keeps"):
        run("four")
    assert (tmp_path / "kept").read_text() == "something else"


@pytest.mark.parametrize("output_format", ["jsonl", "parquet", "arrow"])
def test_input_order(random_bert, tmp_path, output_format):
    made.write_lines(tmp_path / "in.jsonl", ROWS)
    jobs.run(
        tmp_path / "in.jsonl",
        tmp_path / "out",
        model=random_bert,
        input_order=True,
        output_format=output_format,
    )
    (part,) = (tmp_path / "out").glob("part-*")
    if output_format == "jsonl":
        found = [hit for row in hits(tmp_path / "out") for hit in row]
    else:
        read = pq.read_table if output_format == "parquet" else pa.feather.read_table
        found = [(pair["index"], pair["score"]) for pair in read(part).to_pylist()]
    ranked = made.ranked(random_bert, ROWS)
    assert found == [hit for row in ranked for hit in sorted(row)]


@pytest.mark.parametrize("compression", ["gz", "zst"])
def test_compressed_output(random_bert, tmp_path, compression):
    made.write_lines(tmp_path / "in.jsonl", ROWS)
    for name in ("plain", "again", "packed"):
        packed = {} if name == "plain" else {"compression": compression}
        jobs.run(tmp_path / "in.jsonl", tmp_path / name, model=random_bert, **packed)
    (packed,) = (tmp_path / "packed").glob(f"part-*.jsonl.{compression}")
    with pa.input_stream(packed, compression="detect") as stream:
        assert stream.read() == (tmp_path / "plain" / "part-00000.jsonl").read_bytes()
    assert made.parts(tmp_path / "packed") == made.parts(tmp_path / "again")


def test_documents_come_back_untouched(random_bert, tmp_path):
    document = {"text": "river", "extra": {"ö": [1, None]}, "broken": "\ud800"}
    made.write_lines(tmp_path / "in.jsonl", [{"query": "stone", "documents": [document, "lamp"]}])
    jobs.run(tmp_path / "in.jsonl", tmp_path / "out", model=random_bert, return_documents=True)
    (row,) = made.read_lines(tmp_path / "out")
    assert {hit["index"]: hit["document"] for hit in row["data"]} == {0: document, 1: "lamp"}


@pytest.mark.parametrize(
    "options",
    [
        {"raw_scores": True},
        {"max_pair_tokens": 12},
        {"max_tokens_per_doc": 3},
        {"max_pair_tokens": 16, "max_chunks_per_doc": 2},
        {"rank_fields": ["id", "text"]},
    ],
)
def test_options_are_those_of_rerank(random_bert, tmp_path, options):
    made.write_lines(tmp_path / "in.jsonl", ROWS)
    jobs.run(tmp_path / "in.jsonl", tmp_path / "out", model=random_bert, **options)
    assert hits(tmp_path / "out") == made.ranked(random_bert, ROWS, **options)


def test_many_files_and_urls(random_bert, expected, tmp_path):
    import fsspec

    for number in range(4):
        made.write_lines(tmp_path / f"{number}.jsonl", ROWS[10 * number : 10 * number + 10])
    jobs.run(tmp_path / "?.jsonl", tmp_path / "out", model=random_bert)
    assert hits(tmp_path / "out") == expected
    memory = fsspec.filesystem("memory")
    for number in range(4):
        memory.pipe(f"/job/{number}.jsonl", (tmp_path / f"{number}.jsonl").read_bytes())
    jobs.run("memory://job/*.jsonl", tmp_path / "from-urls", model=random_bert)
    assert made.parts(tmp_path / "from-urls") == made.parts(tmp_path / "out")


def test_fields_have_other_names(random_bert, tmp_path):
    row = {"q": "river", "qid": 7, "passages": [{"docid": 3, "text": "stone"}]}
    made.write_lines(tmp_path / "in.jsonl", [row])
    names = jobs.Fields(query="q", query_id="qid", documents="passages", document_id="docid")
    jobs.run(tmp_path / "in.jsonl", tmp_path / "out", model=random_bert, fields=names)
    (found,) = made.read_lines(tmp_path / "out")
    assert (found["query_id"], found["data"][0]["id"]) == (7, 3)


def test_equal_scores_keep_their_order(bundled, tmp_path):
    made.write_lines(tmp_path / "in.jsonl", [{"query": "river", "documents": ["lamp"] * 9}])
    jobs.run(tmp_path / "in.jsonl", tmp_path / "out", model=bundled)
    assert [index for index, _ in hits(tmp_path / "out")[0]] == list(range(9))


def test_nothing_to_do(random_bert, tmp_path):
    (tmp_path / "in.jsonl").write_text("\n \n")
    report = jobs.run(tmp_path / "in.jsonl", tmp_path / "out", model=random_bert)
    assert (report.rows, report.pairs, report.parts) == (0, 0, 0)
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report.to_dict()
