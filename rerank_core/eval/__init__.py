"""Ranking quality on judged collections: rerank a run, measure it, compare it with another.

Needs ``pip install "rerank-core[eval]"``. Collections come in BEIR's layout or as TREC's files; the
measures are trec_eval's, by way of ir_measures.
"""

from rerank_core.eval.collection import Collection, read_collection
from rerank_core.eval.comparison import Comparison, compare
from rerank_core.eval.evaluation import FIRST_STAGE, Evaluation, evaluate
from rerank_core.eval.files import Run, read_qrels, read_run, read_texts, write_run
from rerank_core.eval.measures import MEASURES, parse_measures
from rerank_core.eval.reranking import rerank_run

__all__ = [
    "FIRST_STAGE",
    "MEASURES",
    "Collection",
    "Comparison",
    "Evaluation",
    "Run",
    "compare",
    "evaluate",
    "parse_measures",
    "read_collection",
    "read_qrels",
    "read_run",
    "read_texts",
    "rerank_run",
    "write_run",
]
