"""How peers batch, replayed on the same graph, tokenizer and ONNX Runtime as ours.

Each policy is the peer's way from strings to scores, without the peer's other costs: FlashRank runs
all pairs as one padded batch, sentence-transformers and Infinity sort by length and run 32 at a time.
The session has ONNX Runtime's defaults (all cores inside each operator), as theirs have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import tokenizers as hf

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class PaddedBatches:
    """Pairs in batches of a fixed number, each padded to its longest pair.

    Args:
        directory: The model.
        threads: Of the session, inside each operator.
        rows: Pairs per batch; None runs all as one.
        sort: Longest first, by true token length (kinder than the peers' characters).
    """

    def __init__(self, directory: Path, *, threads: int, rows: int | None, sort: bool) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(str(directory / "model.onnx"), options)
        self._tokenizer = hf.Tokenizer.from_file(str(directory / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(512, strategy="only_second")
        self._rows = rows
        self._sort = sort

    def __call__(self, query: str, documents: list[str]) -> NDArray[np.float32]:
        encodings = self._tokenizer.encode_batch([(query, document) for document in documents])
        order = list(range(len(encodings)))
        if self._sort:
            order.sort(key=lambda place: -len(encodings[place]))
        scores = np.empty(len(encodings), np.float32)
        rows = self._rows or len(encodings)
        for start in range(0, len(order), rows):
            batch = order[start : start + rows]
            scores[batch] = self._run([encodings[place] for place in batch])
        return scores

    def _run(self, encodings: list[hf.Encoding]) -> NDArray[np.float32]:
        width = max(map(len, encodings))
        tensors = {
            name: np.zeros((len(encodings), width), np.int64)
            for name in ("input_ids", "attention_mask", "token_type_ids")
        }
        for row, encoding in enumerate(encodings):
            tensors["input_ids"][row, : len(encoding)] = encoding.ids
            tensors["attention_mask"][row, : len(encoding)] = 1
            tensors["token_type_ids"][row, : len(encoding)] = encoding.type_ids
        logits: NDArray[np.float32] = self._session.run(["logits"], tensors)[0]
        return logits[:, 0]
