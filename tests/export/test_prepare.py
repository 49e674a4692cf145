"""A prepared checkpoint scores as PyTorch does, whatever its architecture, precision and device."""

import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="exporting needs PyTorch; the library does not")
pytest.importorskip("optimum.exporters.onnx", reason="exporting needs optimum-onnx")

import onnx  # noqa: E402
import onnxruntime as ort  # noqa: E402
import transformers  # noqa: E402

from rerank_core import ModelError, Tokenizer  # noqa: E402
from rerank_core.models.prepare import prepare  # noqa: E402
from rerank_core.models.prepare.graphs import constant_of, load_graph  # noqa: E402
from rerank_core.models.prepare.sampler import Sampler  # noqa: E402
from rerank_core.models.prepare.trials import run, shapes  # noqa: E402
from tests import tolerances  # noqa: E402
from tests.export import checkpoints, scoring  # noqa: E402
from tests.export.scoring import padded, reference, scores  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # what those packages say is not ours to mend

# One of each way to attend and to know positions.
FAMILIES = ["bert", "distilbert", "mpnet", "deberta-v2", "modernbert, first token", "qwen3"]
PACKED = {
    "albert",
    "bert",
    "bert of two labels",
    "camembert",
    "distilbert",
    "electra",
    "roberta",
    "xlm-roberta",
}
WIDE = {"hidden_size": 64, "intermediate_size": 96}  # int8 leaves smaller weights alone
WIDE_MORE = {"distilbert": {"dim": 64, "hidden_dim": 96}, "qwen3": {"head_dim": 16}}


def write_wide(folder, architecture):
    """Write a checkpoint; with weights as wide as elsewhere here, no rounding stays small."""
    shape = {**WIDE, **WIDE_MORE.get(architecture, {})}
    return checkpoints.write(folder, architecture, shape=shape, spread=0.15)


@pytest.fixture(scope="module", params=checkpoints.ARCHITECTURES)
def checkpoint(request):
    return scoring.exported(request.param)[0]


@pytest.fixture(scope="module")
def for_cuda(checkpoint, tmp_path_factory):
    """Made of the exported graph; the way from the checkpoint is that of the CPU's."""
    out = tmp_path_factory.mktemp("cuda") / "out"
    return prepare(checkpoint.with_name("out"), out, device="cuda").directory


def test_scores_are_those_of_pytorch(checkpoint, tmp_path):
    prepared = prepare(checkpoint, tmp_path / "out")
    assert "run by torch" in prepared.verification.original
    wanted = reference(checkpoint)
    assert wanted.std() > 0.1, "or equal scores would prove nothing"
    assert np.abs(scores(prepared.directory) - wanted).max() <= tolerances.LOGIT_PYTORCH


def test_padded_rows_score_as_those_of_pytorch_do(checkpoint, for_cuda):
    """What is prepared for a GPU keeps its mask, for rows are padded there."""
    session = ort.InferenceSession(for_cuda / "model.onnx", providers=["CPUExecutionProvider"])
    inputs = dict(
        zip(("input_ids", "attention_mask", "token_type_ids"), padded(for_cuda), strict=True)
    )
    asked = {each.name: inputs[each.name] for each in session.get_inputs()}
    assert "attention_mask" in asked
    (found,) = session.run(["logits"], asked)
    logits = found[:, -1] - found[:, 0] if found.shape[1] == 2 else found[:, 0]
    assert np.abs(logits - reference(checkpoint)).max() <= tolerances.LOGIT_PYTORCH


def test_the_last_layer_runs_for_one_token_where_only_that_reaches_the_score(request, for_cuda):
    architecture = request.node.callspec.params["checkpoint"]
    graph = load_graph(for_cuda / "model.onnx")
    sampler = Sampler(Tokenizer.from_file(for_cuda / "tokenizer.json"), 64)
    products = [
        str(node.outputs[0].name)
        for node in graph.graph
        if node.op_type == "MatMul" and constant_of(node.inputs[1]) is not None
    ]
    (found,) = shapes(graph, [sampler(graph, 2, 13)], products)
    alone = [shape for shape in found.values() if len(shape) == 3 and shape[1] == 1]
    # Attention's output and both of the feed-forward part; where it is by itself, the query too.
    assert len(alone) in ((3, 4) if architecture in checkpoints.FIRST_TOKEN else (0,))


def test_rows_are_packed_where_attention_is_plain(request, for_cuda):
    """Packing compares its logits itself; with relative or rotary positions, or a mean, it is refused."""
    architecture = request.node.callspec.params["checkpoint"]
    packed = for_cuda / "packed.onnx"
    assert packed.exists() == (architecture in PACKED)
    if packed.exists():
        operators = [node.op_type for node in load_graph(packed).graph]
        assert operators.count("PackedMultiHeadAttention") == 2
        assert "Shape" not in operators, "what follows from one runs on the CPU"


@pytest.mark.parametrize("architecture", FAMILIES)
def test_half_precision(architecture, tmp_path):
    source = write_wide(tmp_path / "checkpoint", architecture)
    prepared = prepare(source, tmp_path / "out", precision="fp16", device="cuda")
    graph = onnx.load(prepared.directory / "model.onnx")
    weights = {each.name: each.data_type for each in graph.graph.initializer}
    products = [node for node in graph.graph.node if node.op_type == "MatMul"]
    kinds = [weights[node.input[1]] for node in products if node.input[1] in weights]
    assert kinds.count(onnx.TensorProto.FLOAT16) >= 2 * 4, "of two layers"
    assert graph.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


@pytest.mark.parametrize("architecture", FAMILIES)
def test_int8(architecture, tmp_path):
    source = write_wide(tmp_path / "checkpoint", architecture)
    prepared = prepare(source, tmp_path / "out", precision="int8")
    graph = onnx.load(prepared.directory / "model.onnx")
    operators = [node.op_type for node in graph.graph.node]
    products = {"DynamicQuantizeMatMul", "MatMulIntegerToFloat"}
    assert sum(each in products for each in operators) >= 2 * 4, "of two layers"
    comparison = prepared.verification.comparison
    assert comparison is not None
    assert comparison.largest > 0, "or nothing was done"
    assert np.isfinite(scores(prepared.directory)).all()


def graph_of(checkpoint, directory, **how):
    """Trace a checkpoint by PyTorch alone, as people do."""
    directory.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(checkpoint / name, directory)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = (torch.arange(18).reshape(2, 9), torch.ones(2, 9).long(), torch.zeros(2, 9).long())
    axes = {name: {0: "batch", 1: "width"} for name in names}
    if how.get("dynamo"):
        auto = torch.export.Dim.AUTO
        how["dynamic_shapes"] = {name: {0: auto, 1: auto} for name in names}
    torch.onnx.export(
        model.eval(),
        example,
        str(directory / "model.onnx"),
        input_names=names,
        output_names=["logits"],
        **{"dynamo": False, "dynamic_axes": None if how.get("dynamo") else axes, **how},
    )
    return directory


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert") / "checkpoint"
    return write_wide(folder, "bert")


@pytest.mark.parametrize(
    "how",
    [{"opset_version": 14}, {"opset_version": 20}, {"dynamo": True, "verbose": False}],
    ids=str,
)
def test_graphs_of_other_exporters(how, bert, tmp_path):
    """The newest one keeps its weights in model.onnx.data, however few they are."""
    source = graph_of(bert, tmp_path / "source", **how)
    for precision, device in (("fp32", "cpu"), ("fp32", "cuda"), ("int8", "cpu"), ("fp16", "cuda")):
        out = tmp_path / f"{precision}-{device}"
        prepare(source, out, precision=precision, device=device)
        # All in one file, but for weights that two graphs share.
        assert bool(list(out.glob("*data"))) == (out / "packed.onnx").exists()
        if precision == "fp32":
            assert np.abs(scores(out) - reference(bert)).max() <= tolerances.LOGIT_PYTORCH
    graph = load_graph(tmp_path / "fp32-cuda" / "model.onnx")
    sampler = Sampler(Tokenizer.from_file(bert / "tokenizer.json"), 64)
    erf = [str(n.outputs[0].name) for n in graph.graph if n.op_type in ("Erf", "Gelu")]
    (found,) = shapes(graph, [sampler(graph, 2, 13)], erf)
    assert [shape[1] for shape in found.values()] == [13, 1]


def test_a_graph_beside_its_checkpoint_is_compared_with_pytorch(bert, tmp_path):
    source = graph_of(bert, tmp_path / "source", opset_version=17)
    shutil.copy(bert / "model.safetensors", source)
    assert "run by torch" in prepare(source, tmp_path / "out").verification.original
    model = transformers.AutoModelForSequenceClassification.from_pretrained(bert)
    model.classifier.weight.data *= 2
    model.save_pretrained(source)
    with pytest.raises(ModelError, match="ranks otherwise than before"):
        prepare(source, tmp_path / "of others")


def test_rows_that_are_shorter_than_what_is_tried(tmp_path):
    source = checkpoints.write(
        tmp_path / "checkpoint", "bert", shape={"max_position_embeddings": 20}
    )
    assert prepare(source, tmp_path / "out").verification.passed


def test_positions_are_told_apart_in_fp32(tmp_path):
    """Buckets of distances come of a logarithm that half precision would round into the next one."""
    source = checkpoints.write(tmp_path / "checkpoint", "mpnet")
    out = prepare(source, tmp_path / "out", precision="fp16", device="cuda").directory
    graph = load_graph(out / "model.onnx")
    logs = [str(node.outputs[0].name) for node in graph.graph if node.op_type == "Log"]
    sampler = Sampler(Tokenizer.from_file(out / "tokenizer.json"), 64)
    (found,) = run(graph, [sampler(graph, 2, 13)], logs)
    assert {value.dtype.name for value in found.values()} == {"float32"}
