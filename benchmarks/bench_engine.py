"""Micro benchmarks of a request whose model costs nothing, beside the same in Python: what the engine adds.

The graph looks a row's last id up in a table. One thread; documents come as ids, so nothing is tokenized.
"""

import numpy as np
import onnxruntime
import pytest

from rerank_core import Reranker, _reference
from tests import graphs, models

QUERY = "silver river"
TEXTS = models.texts(1000, longest=90)


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    tokenizer = models.wordpiece()
    values = np.random.default_rng(0).normal(0, 3, tokenizer.get_vocab_size())
    # Rows end with the document, so that its last id decides.
    tokenizer.post_processor = models.byte_bpe_bare().post_processor
    return models.write(
        tmp_path_factory.mktemp("models") / "table",
        graph=graphs.table(values),
        tokenizer=tokenizer,
    )


def in_python(directory, query, documents):
    """Pair, plan, pack and run as `_reference` does, through onnxruntime's own session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(directory / "model.onnx"), options)
    pieces = [("query", 0, 0), ("document", 0, 1)]

    def run():
        rows = _reference.pair_rows(
            pieces, [query], documents, [0] * len(documents), row_tokens=512
        ).rows
        plan = _reference.plan_batches(
            [len(row.ids) for row in rows],
            max_batch_tokens=512,
            max_batch_rows=1 << 40,
            width_multiple=1,
            max_width=512,
            workers=1,
        )
        logits = np.empty(len(rows), np.float32)
        for places, _ in plan:
            packed = _reference.pack([rows[place] for place in places])
            found = session.run(["logits"], {"input_ids": packed["input_ids"]})[0]
            logits[places] = found[:, 0]
        return logits

    return run


@pytest.mark.parametrize("kind", ["native", "python"])
def test_request(benchmark, directory, kind):
    benchmark.group = "request: 1,000 documents, a model that costs nothing"
    with Reranker(directory, threads=1) as reranker:
        encoded = reranker.encode_documents(TEXTS)
        query = reranker.tokenizer.encode([QUERY], add_special_tokens=False).ids.tolist()
        python = in_python(directory, query, [encoded[i].tolist() for i in range(len(encoded))])

        def native():
            return reranker.score(QUERY, encoded, raw_scores=True)

        assert native().tolist() == python().tolist()
        benchmark(native if kind == "native" else python)
