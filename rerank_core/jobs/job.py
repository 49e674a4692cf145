"""`run`: a job from its arguments to its report."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rerank_core.errors import InvalidArgumentError
from rerank_core.jobs import formats
from rerank_core.jobs.corpus import Corpus, read_queries
from rerank_core.jobs.files import InputFiles
from rerank_core.jobs.identity import made_by
from rerank_core.jobs.parts import Output
from rerank_core.jobs.pipeline import RowSink, scored_windows
from rerank_core.jobs.plot import Trace
from rerank_core.jobs.progress import progress_on
from rerank_core.jobs.report import Report
from rerank_core.jobs.rows import RowChecker
from rerank_core.jobs.scoring import LocalScorer, WindowScorer
from rerank_core.jobs.settings import Fields, Settings
from rerank_core.request import checked_positive
from rerank_core.reranker import Reranker

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rerank_core.jobs.pipeline import ScoredWindow
    from rerank_core.jobs.scoring import Scorer
    from rerank_core.records.record import BadRow

__all__ = ["run"]


def run(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | Reranker = "bundled",
    reranker_options: Mapping[str, Any] | None = None,
    corpus: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    queries: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    corpus_cache: str | os.PathLike[str] | None = None,
    input_format: str | None = None,
    output_format: str | None = None,
    compression: str | None = None,
    fields: Fields | None = None,
    top_n: int | None = None,
    input_order: bool = False,
    return_documents: bool = False,
    rank_fields: Sequence[str] = ("text",),
    truncate: str = "END",
    max_pair_tokens: int | None = None,
    max_tokens_per_doc: int | None = None,
    max_chunks_per_doc: int | None = None,
    raw_scores: bool | None = None,
    tag: str = "rerank-core",
    part_pairs: int = 20_000,
    window_pairs: int = 8192,
    strict: bool = False,
    max_bad_share: float = 0.5,
    progress: TextIO | None = None,
    plot: str | os.PathLike[str] | None = None,
    ray: str | None = None,
    actors: int | None = None,
) -> Report:
    """Score the pairs of files, and go on where an earlier run of the same job was cut short.

    The scores are those of `Reranker.rerank`, row by row and bit for bit. The output is the same bytes
    however often the job was killed and started again.

    Args:
        inputs: Files, patterns or URLs (of fsspec), compressed or not. Each row is a query with
            ``documents``, or one ``document``, or with ``candidates``, ids of documents in the corpus.
        output: A directory on this machine; made if it is not there. It gets ``part-NNNNN.FORMAT``,
            ``errors.jsonl``, ``report.json``, and ``manifest.jsonl``, which says what is done.
        model: As `Reranker` takes it; or a reranker.
        reranker_options: Options of `Reranker`: device, precision, threads, ...
        corpus: Files of documents by id, BEIR's JSON lines or tables of id and text.
        queries: Files of queries by id, where rows hold only ``query_id``; as corpus.
        corpus_cache: A file where the tokenized corpus is kept for later jobs.
        input_format: "jsonl", "parquet", "arrow" or "trec"; None goes by the name of the first file.
        output_format: The same; None takes that of the input.
        compression: Of parts in JSON lines and run files: "gz", "zst" or None.
        fields: What the fields of the input are called.
        top_n: Documents for each row, best first; None gives all.
        input_order: Give every score, in the order of the input.
        return_documents: Give the documents back, in JSON lines.
        rank_fields: As `Reranker.rerank`; also of the corpus.
        truncate: As `Reranker.rerank`, and so are the other limits and raw_scores.
        tag: Last column of a run file.
        part_pairs: Pairs of a part; what is lost when the job dies.
        window_pairs: Pairs that are scored in one call; changes no score.
        strict: Stop at the first bad row.
        max_bad_share: Stop when so much of the rows is bad, from 0 to 1; looked at from 1000 rows on, and
            at the end.
        progress: A stream for a progress bar, or for lines where it is no terminal.
        plot: A file for a picture of this run's pace and of the documents' lengths (needs matplotlib).
        ray: Address of a Ray cluster whose actors score: "auto", "ray://HOST:10001", or "local" for one on
            this machine. The model must be there under the same name.
        actors: How many, each with an engine of its own; None fills the cluster's CPUs.

    Returns:
        How it went; that of the finished job, if there is nothing left to do.

    Raises:
        InvalidArgumentError, InvalidTypeError: An argument cannot be; or the output was begun with other
            inputs, settings or another model.
        BadRowsError: There were more bad rows than may be.
        FailedPreconditionError: Another job writes to the output.
        OSError: A file cannot be read or written.

    Example:
        >>> import pathlib, tempfile
        >>> from rerank_core import jobs
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "in.jsonl").write_text(
        ...     '{"query": "grass", "documents": ["The sky is blue.", "Grass is green."]}'
        ... )
        >>> jobs.run(folder / "in.jsonl", folder / "out", top_n=1).pairs
        2
    """
    given = _Given.of(inputs, queries, corpus)
    input_format = input_format or formats.format_of(given.rows.files[0])
    settings = Settings(
        input_format=input_format,
        output_format=output_format or input_format,
        compression=compression,
        top_n=top_n,
        input_order=input_order,
        return_documents=return_documents,
        rank_fields=rank_fields,
        truncate=truncate,
        max_pair_tokens=max_pair_tokens,
        max_tokens_per_doc=max_tokens_per_doc,
        max_chunks_per_doc=max_chunks_per_doc,
        raw_scores=raw_scores,
        tag=tag,
        part_pairs=part_pairs,
        # A run file has no names of fields; its reader gives them.
        fields=Fields() if fields is None or input_format == "trec" else fields,
    )
    given.check(settings)
    checked_positive("window_pairs", window_pairs)
    if not 0 <= max_bad_share <= 1:
        raise InvalidArgumentError(f"max_bad_share must be between 0 and 1, got {max_bad_share}")
    with ExitStack() as stack:
        if isinstance(model, Reranker):
            reranker = model
        else:
            reranker = stack.enter_context(Reranker(model, **(reranker_options or {})))
        reranker.score(
            "query", [], **settings.scoring
        )  # limits that no row can meet are no row's fault
        made_of = {
            "settings": settings.to_dict(),
            **given.fingerprints(),
            **made_by(reranker),
        }
        out = Output(Path(output), settings, made_of, reranker.info.model)
        stack.callback(out.close)
        if out.finished is not None:
            return Report(**out.finished)
        place = Path(corpus_cache) if corpus_cache else Path(output) / "corpus.sqlite"
        texts, faults = given.texts(place, settings, reranker)
        stack.callback(texts.close)
        scorer: Scorer
        if ray is None:
            scorer = LocalScorer(WindowScorer(reranker, settings.scoring))
        else:
            scorer = _ray_scorer(ray, actors, model, reranker, reranker_options, settings)
        stack.callback(scorer.close)
        if reranker is not model:  # before the scorer waits for windows that nobody wants any more
            stack.callback(reranker.close)
        raw = reranker.info.raw_scores if raw_scores is None else raw_scores
        sink = RowSink(
            out,
            settings,
            (lambda logits: logits) if raw else reranker.scores_of,
            strict=strict,
            max_bad_share=max_bad_share,
        )
        if not out.done:
            sink.add_texts(faults)
        records = formats.read(given.rows, input_format)
        rows = RowChecker(settings, texts.queries, texts.tokens_of).rows(records)
        todo = itertools.islice(rows, out.done.get("rows", 0), None)
        windows = scored_windows(todo, scorer, window_pairs, given.rows.share)
        _score_all(windows, sink, progress, plot)
        report = _report(out, sink, reranker.info.model)
        out.finish(report.to_dict())
        texts.close()
        if not corpus_cache:
            place.unlink(missing_ok=True)
    return report


def _score_all(
    windows: Iterable[ScoredWindow],
    sink: RowSink,
    progress: TextIO | None,
    plot: str | os.PathLike[str] | None,
) -> None:
    trace = Trace()
    with closing(progress_on(progress)) as meter:
        for window in windows:
            sink.add_window(window)
            meter.update(window.share, sink.since(), sink.seconds())
            if plot is not None:
                trace.add(window, sink.seconds())
    sink.end()
    if plot is not None:
        trace.draw(plot)


def _ray_scorer(
    address: str,
    actors: int | None,
    model: Any,
    reranker: Reranker,
    reranker_options: Mapping[str, Any] | None,
    settings: Settings,
) -> Scorer:
    from rerank_core.jobs.ray import RayScorer  # noqa: PLC0415  (Ray only where it is asked for)

    if model is reranker:
        raise InvalidArgumentError(
            "Ray's actors load a model of their own: give its name, not a reranker"
        )
    return RayScorer(
        address,
        actors=actors,
        model=str(model),
        reranker_options=reranker_options or {},
        made_by=made_by(reranker),
        scoring=settings.scoring,
    )


@dataclass(frozen=True)
class _Texts:
    """What ids stand for."""

    queries: dict[str, str] | None
    corpus: Corpus | None

    @property
    def tokens_of(self) -> Callable[[list[str]], list[bytes]] | None:
        return None if self.corpus is None else self.corpus.tokens_of

    def close(self) -> None:
        if self.corpus is not None:
            self.corpus.close()


@dataclass(frozen=True)
class _Given:
    """The files of a job."""

    rows: InputFiles
    queries: InputFiles | None
    corpus: InputFiles | None

    @classmethod
    def of(cls, inputs: Any, queries: Any, corpus: Any) -> _Given:
        return cls(
            InputFiles(inputs),
            None if queries is None else InputFiles(queries, "queries"),
            None if corpus is None else InputFiles(corpus, "corpus"),
        )

    def check(self, settings: Settings) -> None:
        if settings.input_format == "trec" and (self.corpus is None or self.queries is None):
            raise InvalidArgumentError("a run file names ids only: give queries and corpus")
        if settings.return_documents and self.corpus is not None:
            raise InvalidArgumentError(
                "documents of a corpus are not given back; look them up by id"
            )

    def fingerprints(self) -> dict[str, Any]:
        return {
            "inputs": self.rows.fingerprints(),
            "queries": self.queries and self.queries.fingerprints(),
            "corpus": self.corpus and self.corpus.fingerprints(),
        }

    def texts(
        self, place: Path, settings: Settings, reranker: Reranker
    ) -> tuple[_Texts, Iterable[BadRow]]:
        """Read the queries and open the corpus; tell what of them could not be used."""
        queries, faults = (None, []) if self.queries is None else read_queries(self.queries)
        if self.corpus is None:
            return _Texts(queries, None), faults
        corpus = Corpus.kept(place, self.corpus, settings.rank_fields, reranker)
        return _Texts(queries, corpus), itertools.chain(faults, corpus.bad())


def _report(out: Output, sink: RowSink, model: str) -> Report:
    since, seconds = sink.since(), sink.seconds()
    names = ("rows", "bad_rows", "bad_texts", "pairs", "tokens")
    return Report(
        output=str(out.directory),
        model=model,
        **{name: sink.counts[name] for name in names},
        parts=out.parts,
        seconds=sink.counts["milliseconds"] / 1000,
        pairs_per_second=since["pairs"] / seconds,
        tokens_per_second=since["tokens"] / seconds,
        resumed_rows=sink.counts["rows"] - since["rows"],
        reasons=dict(sink.reasons),
    )
