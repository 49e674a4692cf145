"""Rows that graphs with the small word piece tokenizer are tried with."""

from functools import cache
from tempfile import TemporaryDirectory

from rerank_core import Tokenizer
from rerank_core.models.prepare.sampler import Sampler
from tests import models


@cache
def sampler():
    with TemporaryDirectory() as directory:
        path = f"{directory}/tokenizer.json"
        models.wordpiece().save(path)
        return Sampler(Tokenizer.from_file(path), 64)
