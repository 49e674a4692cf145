"""What PyTorch says of pairs, and what a directory made of the same checkpoint says of them."""

import inspect
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch
import transformers

from rerank_core import Reranker
from rerank_core.models.prepare.export import export
from tests import models
from tests.export import checkpoints

TEXTS = models.texts(12, seed=1, longest=40)
QUERIES, DOCUMENTS = TEXTS[::2], TEXTS[1::2]


_FOLDER = tempfile.TemporaryDirectory(prefix="rerank-core-tests-")


@cache
def exported(architecture):
    """A checkpoint of the architecture, and the directory that it was exported to."""
    folder = Path(_FOLDER.name) / architecture
    folder.mkdir()
    checkpoint = checkpoints.write(folder / "checkpoint", architecture)
    assert export(checkpoint, folder / "out") == folder / "out" / "model.onnx"
    return checkpoint, folder / "out"


@cache
def reference(checkpoint):
    """Logits of PyTorch in fp32, all pairs padded in one batch if the model can tell padding."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        checkpoint, torch_dtype=torch.float32
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    size = 1 if model.config.pad_token_id is None else len(QUERIES)
    known = inspect.signature(model.forward).parameters
    logits = []
    for at in range(0, len(QUERIES), size):
        texts = QUERIES[at : at + size], DOCUMENTS[at : at + size]
        rows = tokenizer(*texts, padding=True, return_tensors="pt")
        with torch.no_grad():
            found = model(**{name: rows[name] for name in rows if name in known})
        logits.extend(found.logits.numpy())
    return np.array([row[-1] - row[0] if len(row) == 2 else row[0] for row in logits])


def scores(directory):
    """Logits of our engine."""
    with Reranker(directory, raw_scores=True, threads=1) as reranker:
        return reranker.score_pairs(QUERIES, DOCUMENTS)


def padded(directory):
    """Give ids, mask and type ids of all pairs, padded with zeros as a GPU's batches are."""
    with Reranker(directory, threads=1) as reranker:
        rows = [
            reranker.tokenizer.encode_pairs(query, [document])
            for query, document in zip(QUERIES, DOCUMENTS, strict=True)
        ]
    shape = len(rows), max(len(row.ids) for row in rows) + 5
    ids, mask, types = (np.zeros(shape, np.int64) for _ in range(3))
    for at, row in enumerate(rows):
        ids[at, : len(row.ids)], mask[at, : len(row.ids)] = row.ids, 1
        types[at, : len(row.ids)] = row.type_ids if row.type_ids is not None else 0
    return ids, mask, types
