"""Model directories that are not what they say: an error at loading, never a wrong score."""

import json
import random
import shutil

import numpy as np
import onnx
import pytest

from rerank_core import EngineError, ModelError, ProviderError, Reranker, _onnxruntime
from tests import graphs, models

VOCAB = 400


@pytest.fixture
def directory(tmp_path):
    return models.write(tmp_path / "model")


def test_truncated_graph(directory):
    graph = directory / "model.onnx"
    whole = graph.read_bytes()
    for kept in (1, len(whole) // 2, len(whole) - 1):
        graph.write_bytes(whole[:kept])
        with pytest.raises(ModelError, match=r"cannot load .*model\.onnx: "):
            Reranker(directory)


def test_random_bytes(directory):
    (directory / "model.onnx").write_bytes(random.Random(0).randbytes(50_000))
    with pytest.raises(ModelError, match=r"cannot load .*model\.onnx: "):
        Reranker(directory)


def test_corrupt_bundled_model_is_caught_by_its_hash(tmp_path):
    from rerank_core.models.store import find

    copy = shutil.copytree(find("bundled").directory, tmp_path / "copy")
    graph = bytearray((copy / "model.onnx").read_bytes())
    graph[1_000_000] ^= 1
    (copy / "model.onnx").write_bytes(graph)
    with pytest.raises(ModelError, match=r"model\.onnx is not the file that was prepared"):
        Reranker(copy)


def test_cuda_libraries_are_found_in_nvidias_wheels(tmp_path, monkeypatch):
    from importlib.machinery import ModuleSpec

    for name in (
        "cublas/lib/libcublas.so.13",
        "cublas/lib/libcublasLt.so.13",
        "cu13/lib/libcudart.so.13",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"no library")
    spec = ModuleSpec("nvidia", None)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr("importlib.util.find_spec", lambda _: spec)
    found = [path.name for path in _onnxruntime._cuda_libraries()]
    assert found == ["libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13"]
    with pytest.raises(ProviderError, match=r"cannot load .*libcudart\.so\.13 for CUDA"):
        _onnxruntime.preload_cuda()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert _onnxruntime.preload_cuda() == []


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        pytest.param(
            graphs.bert(graphs.Shape(vocab=VOCAB, labels=3)),
            r"has the shape \[\?, 3\]; a reranker gives one or two float logits per row",
            id="three logits",
        ),
        pytest.param(
            graphs.table(np.zeros(VOCAB * 3), labels=3, hide_labels=True),
            r"gave logits of shape \[8, 3\] for 8 rows; a reranker gives one or two per row",
            id="three logits seen only when run",
        ),
        pytest.param(
            graphs.bert(graphs.Shape(vocab=VOCAB, positions=2)),
            "does not run on ids up to",
            id="fewer positions than the probe",
        ),
        pytest.param(
            graphs.bert(graphs.Shape(vocab=100)),
            r"does not run on ids up to \d+ of .*tokenizer\.json.*Check that graph, tokenizer and",
            id="ids beyond the embedding table",
        ),
        pytest.param(
            graphs.table(np.full(VOCAB, np.nan)),
            "gives NaN; its weights are broken",
            id="NaN weights",
        ),
    ],
)
def test_wrong_graph(tmp_path, graph, message):
    with pytest.raises(ModelError, match=message):
        Reranker(models.write(tmp_path / "m", graph=graph))


def renamed(old, new, *, output=False):
    model = graphs.bert(graphs.Shape(vocab=VOCAB))
    for node in model.graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
    for value in model.graph.output if output else model.graph.input:
        if value.name == old:
            value.name = new
    return model


def test_unexpected_input(tmp_path):
    directory = models.write(tmp_path / "m", graph=renamed("token_type_ids", "position_ids"))
    with pytest.raises(
        ModelError,
        match="has the inputs input_ids, attention_mask, position_ids; only input_ids, attention_mask "
        "and token_type_ids can be given",
    ):
        Reranker(directory)


def test_no_input_ids(tmp_path):
    model = graphs.table(np.zeros(VOCAB))
    model.graph.input[0].name = model.graph.node[0].input[0] = "attention_mask"
    with pytest.raises(ModelError, match="has no input named input_ids"):
        Reranker(models.write(tmp_path / "m", graph=model))


def test_float_input(tmp_path):
    model = graphs.table(np.zeros(VOCAB))
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    cast = onnx.helper.make_node("Cast", ["input_ids"], ["ids"], to=onnx.TensorProto.INT64)
    model.graph.node[0].input[0] = "ids"
    model.graph.node.insert(0, cast)
    with pytest.raises(
        ModelError, match=r"the input input_ids must be an int64 tensor \[batch, seq"
    ):
        Reranker(models.write(tmp_path / "m", graph=model))


def test_a_sole_output_needs_no_name(tmp_path):
    directory = models.write(tmp_path / "m", graph=renamed("logits", "score", output=True))
    with Reranker(directory) as reranker:
        assert np.isfinite(reranker.score("q", ["a"])).all()


def test_several_outputs_without_logits(tmp_path):
    model = renamed("logits", "score", output=True)
    pooled = next(node.output[0] for node in model.graph.node if node.op_type == "Tanh")
    model.graph.output.append(
        onnx.helper.make_tensor_value_info(pooled, onnx.TensorProto.FLOAT, ["batch", 32])
    )
    with pytest.raises(
        ModelError, match=r"has the outputs score, Tanh_.*; one of them must be named"
    ):
        Reranker(models.write(tmp_path / "m", graph=model))


def test_nan_for_one_document_names_it(tmp_path):
    """Only the row whose last token is the poisoned one is NaN; nothing is ranked silently."""
    tokenizer = models.byte_bpe_bare()  # no special tokens: a row ends with its document
    values = np.zeros(tokenizer.get_vocab_size())
    poison = tokenizer.encode("z").ids[-1]
    values[poison] = np.nan
    directory = models.write(tmp_path / "m", graph=graphs.table(values), tokenizer=tokenizer)
    try:
        reranker = Reranker(directory)
    except ModelError:  # the probe happened to draw the poisoned id
        pytest.fail("choose another poisoned id")
    with reranker:
        assert reranker.score("q", ["a", "b"]).tolist() == [0.5, 0.5]
        with pytest.raises(EngineError, match="the model gave NaN for the document at index 1;"):
            reranker.rerank("q", ["a", "z", "b"])
        assert reranker.score("q", ["a", "b"]).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"model": {}}', "\ud800".encode("utf-8", "surrogatepass")]
)
def test_broken_tokenizer(directory, text):
    (directory / "tokenizer.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelError, match=r"tokenizer\.json is not a tokenizer\.json: "):
        Reranker(directory)


def test_a_layout_that_is_not_a_pair(directory):
    def change(config):
        template = config["post_processor"]
        config["post_processor"] = {"type": "Sequence", "processors": [template, template]}

    changed(directory, change)
    with pytest.raises(ModelError, match=r"the post_processor \['TemplateProcessing', 'Templ"):
        Reranker(directory)


def changed(directory, change):
    """Change a directory's tokenizer.json."""
    path = directory / "tokenizer.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    return directory


def test_a_panic_of_the_tokenizer_names_the_document(tmp_path):
    """Llama-3's way to split, which gives up on very many spaces."""
    directory = models.write(tmp_path / "m", tokenizer=models.byte_bpe())
    pattern = r"\s*[\r\n]+|\s+(?!\S)|\s+|\S+"
    split = {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }

    def change(config):
        steps = [split, config["pre_tokenizer"]]
        config["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}

    with (
        Reranker(changed(directory, change)) as reranker,
        pytest.raises(ModelError, match=r"tokenizer\.json has no ids for documents\[1\]: "),
    ):
        reranker.score("q", ["a", " " * 12_000_000 + "x"])


def test_a_tokenizer_without_an_unknown_token(tmp_path):
    directory = models.write(tmp_path / "m", tokenizer=models.unigram())

    def change(config):
        config["model"]["unk_id"] = None

    with (
        Reranker(changed(directory, change)) as reranker,
        pytest.raises(ModelError, match=r"no ids for documents\[1\]: .*unk"),
    ):
        reranker.score("stone", ["stone", "\u2603"])


def test_dropout_is_switched_off(tmp_path):
    directory = models.write(tmp_path / "m", tokenizer=models.byte_bpe())

    def change(config):
        config["model"]["dropout"] = 0.5

    with Reranker(directory) as plain, Reranker(changed(directory, change)) as reranker:
        expected = plain.score("stone", models.texts(20)).tolist()
        assert [reranker.score("stone", models.texts(20)).tolist() for _ in range(5)] == [
            expected
        ] * 5


@pytest.mark.parametrize(
    "pair",
    [
        [{"Sequence": {"id": "A", "type_id": 0}}],
        [
            {"SpecialToken": {"id": "[CLS]", "type_id": 4_000_000_000}},
            {"Sequence": {"id": "A", "type_id": 0}},
            {"Sequence": {"id": "B", "type_id": 0}},
        ],
    ],
    ids=["no document", "huge type id"],
)
def test_a_broken_layout(directory, pair):
    def change(config):
        config["post_processor"]["pair"] = pair

    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        Reranker(changed(directory, change))


def test_a_broken_operator_name(directory):
    """ONNX Runtime quotes it, and it is not UTF-8."""
    path = directory / "model.onnx"
    path.write_bytes(path.read_bytes().replace(b"Softmax", b"Softma\xff"))
    with pytest.raises(ModelError, match=r"cannot load .*model\.onnx: "):
        Reranker(directory)


def test_a_row_longer_than_the_position_table(tmp_path):
    directory = models.write(tmp_path / "m", config={"max_position_embeddings": 2000})
    with (
        Reranker(directory) as reranker,
        pytest.raises(EngineError, match=r"on 1 rows of \d+ tokens \(if only long rows do, lower"),
    ):
        reranker.score("q", ["a", "stone " * 999])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "[" * 100_000),
        ("tokenizer_config.json", "\0"),
        ("config.json", '{"model_type": ["x"]}'),
    ],
)
def test_odd_configurations(directory, name, content):
    (directory / name).write_text(content)
    if name == "config.json" and content.startswith("{"):
        Reranker(directory).close()
    else:
        with pytest.raises(ModelError, match="is not JSON"):
            Reranker(directory)


def test_fewer_tokens_than_a_pair_needs(tmp_path):
    directory = models.write(tmp_path / "m", config={"max_position_embeddings": 3})
    with pytest.raises(ModelError, match="allows 3 tokens, but a pair has 3 special tokens"):
        Reranker(directory)


def test_truncation_and_padding_in_the_file_are_ignored(tmp_path):
    tokenizer = models.wordpiece()
    plain = models.write(tmp_path / "plain", tokenizer=tokenizer)
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=128)
    other = models.write(tmp_path / "other", tokenizer=tokenizer)
    documents = models.texts(5)
    with Reranker(plain) as one, Reranker(other) as two:
        assert one.score("stone", documents).tolist() == two.score("stone", documents).tolist()


def test_cuda_is_an_error_where_it_is_not():
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("CUDA is here")
    with pytest.raises(
        ProviderError,
        match=r"CUDAExecutionProvider was asked for, but onnxruntime .* has only .*CPU",
    ):
        Reranker(device="cuda")


def test_no_onnxruntime_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ProviderError, match=r"not installed; run pip install onnxruntime, or"):
        Reranker()


def test_a_library_that_is_none(tmp_path, monkeypatch):
    from rerank_core import _loading

    fake = tmp_path / "libonnxruntime.so.1"
    fake.write_bytes(b"not a library")
    monkeypatch.setattr(_loading, "find_library", lambda: fake)
    with pytest.raises(ProviderError, match=r"cannot load .*libonnxruntime"):
        Reranker()
