"""Offline jobs: the pairs of files scored in bounded memory, and nothing lost when a job dies."""

from rerank_core.jobs.job import run
from rerank_core.jobs.pipeline import BadRowsError
from rerank_core.jobs.report import Report
from rerank_core.jobs.settings import Fields

__all__ = ["BadRowsError", "Fields", "Report", "run"]
