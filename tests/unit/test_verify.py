"""Verifying small models: what passes, what does not, and what is said of it."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from rerank_core import (
    FailedPreconditionError,
    InvalidArgumentError,
    ModelError,
    NotFoundError,
    RerankError,
    cli,
)
from rerank_core.models.manifest import Manifest, digest
from rerank_core.models.store import find
from rerank_core.models.verify import logits_of, verify
from rerank_core.models.verify.measuring import Contender, measure
from rerank_core.models.verify.originals import find_original
from rerank_core.models.verify.probe_pairs import probe_pairs
from tests import graphs, models

# Larger weights than the other tests' shape, so that logits differ by more than a little.
SHAPE = graphs.Shape(layers=1, vocab=400)
# Training one anew may number its pieces otherwise.
TOKENIZER = models.wordpiece()


def model(directory, graph=None, tokenizer=TOKENIZER):
    return models.write(directory, graph=graph or graphs.bert(SHAPE), tokenizer=tokenizer)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return model(tmp_path_factory.mktemp("models") / "original")


@pytest.fixture
def other(tmp_path):
    """Write a model whose graph was changed."""

    def write(change=lambda _: None, **given):
        graph = graphs.bert(SHAPE)
        change(graph)
        return model(tmp_path / "other", graph, **given)

    return write


def scaled(factor, name="Gemm"):
    """Multiply the weights of the last node of a kind."""

    def change(graph):
        weight = [node for node in graph.graph.node if node.op_type == name][-1].input[1]
        (tensor,) = (each for each in graph.graph.initializer if each.name == weight)
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * factor, weight))

    return change


def verify_fails(*arguments, **options):
    with pytest.raises((ModelError, InvalidArgumentError, FailedPreconditionError)) as caught:
        verify(*arguments, **options)
    return str(caught.value)


def compared(directory, against, **options):
    verification = verify(directory, against, **options)
    assert verification.comparison is not None
    return verification, verification.comparison


def test_the_same_graph_passes(original, other):
    verification, comparison = compared(other(), original)
    assert verification.passed, verification.failures
    assert comparison.largest < 1e-6
    assert comparison.order_changes == 0
    assert verification.original.endswith(f"run by onnxruntime {onnx_version()}")
    assert "ids of both tokenizers" in verification.to_text()


def onnx_version():
    import onnxruntime

    return onnxruntime.__version__


def test_a_perturbed_graph_does_not_pass_and_the_worst_pair_is_named(original, other):
    directory = other(scaled(1.01))
    verification, comparison = compared(directory, original)
    apart = np.abs(logits_of(directory) - logits_of(original))
    assert not verification.passed
    (failure,) = verification.failures
    assert comparison.worst == apart.argmax()
    assert comparison.largest == pytest.approx(apart.max(), rel=1e-4)
    assert probe_pairs().named(int(apart.argmax())) in failure
    assert "allowed is 0.0001" in failure
    assert failure.endswith(" tokens)")


def test_a_tolerance_of_ones_own(original, other):
    directory = other(scaled(1.01))
    assert verify(directory, original, tolerance=0.1).passed
    assert "at least 0, got -1" in verify_fails(directory, original, tolerance=-1)


def test_a_graph_that_ranks_the_other_way_round(original, other):
    failures = verify(other(scaled(-1)), original, tolerance=100).failures
    assert ["rank correlation is -" in failure for failure in failures] == [True]


def hidden_mixing():
    """Scores move with the batch, but only of rows longer than those that are tried at loading."""
    graph = graphs.mixing()
    nodes = graph.graph.node
    nodes[-1].output[0] = "mixed"
    constants = {"long": np.int64(20), "axis": np.int64(1), "large": np.float32(1e4)}
    graph.graph.initializer.extend(
        numpy_helper.from_array(np.array(value), name) for name, value in constants.items()
    )
    nodes.extend(
        [
            helper.make_node("Shape", ["input_ids"], ["shape"]),
            helper.make_node("Gather", ["shape", "axis"], ["length"]),
            helper.make_node("Greater", ["length", "long"], ["is_long"]),
            helper.make_node("Div", [nodes[-1].input[0], "large"], ["own"]),
            helper.make_node("Where", ["is_long", "mixed", "own"], ["logits"]),
        ]
    )
    return graph


def test_a_score_that_depends_on_its_company(tmp_path):
    directory = model(tmp_path / "mixing", graph=hidden_mixing())
    (failure,) = verify(directory).failures
    assert "depends on what runs beside it: alone and shuffled among others" in failure
    assert "set max_batch_rows to 1" in failure
    Manifest(max_batch_rows=1).write(directory)
    assert verify(directory).passed


def test_int8_against_its_source(tmp_path):
    """The bundled model: logits of random weights are nearer to each other than int8 tells apart."""
    source = Path(find("bundled").directory)
    for name in ("config.json", "tokenizer.json", "model.onnx"):
        shutil.copy(source / name, tmp_path)
    graph = tmp_path / "model.onnx"
    kind = {"weight_type": QuantType.QInt8, "op_types_to_quantize": ["MatMul"]}
    quantize_dynamic(graph, tmp_path / "model_int8.onnx", **kind)
    verification, comparison = compared(tmp_path, tmp_path, precision="int8")
    assert verification.precision == "int8"
    assert comparison.limit == pytest.approx(comparison.scale / 4)
    assert 1e-4 < comparison.largest < comparison.limit
    assert verification.passed, verification.failures
    # What is good enough for int8 is not for fp32.
    (tmp_path / "model_int8.onnx").replace(graph)
    assert not verify(tmp_path, "bundled").passed


def test_files_that_were_changed(other):
    directory = other()
    names = ("model.onnx", "config.json", "tokenizer.json")
    manifest = Manifest(
        graph="model.onnx",
        precision="fp32",
        sha256={name: digest(directory / name) for name in names},
        made={"comparison": {"largest": 1.5e-6}},
    )
    manifest.write(directory)
    text = verify(directory).to_text()
    assert "3 hold" in text
    assert "largest difference when prepared  1.5e-06" in text
    (directory / "config.json").write_text("{}")
    assert "config.json is not the file that was prepared" in verify_fails(directory)


@pytest.mark.parametrize(("value", "said"), [(np.nan, "NaN"), (np.inf, "the logit inf")])
def test_broken_weights_name_the_pair(tmp_path, value, said):
    """The last id of a row is that of the document's last token: "bread" has one of its own."""
    tokenizer = models.wordpiece()
    tokenizer.post_processor = None
    values = np.linspace(-1, 1, 500)
    (*_, poisoned) = tokenizer.encode("bread").ids
    values[poisoned] = value
    directory = model(tmp_path / "m", graph=graphs.table(values), tokenizer=tokenizer)
    message = verify_fails(directory)
    assert said in message
    assert "query 'bread' (5 characters), document 'bread' (5 characters)" in message


def test_a_broken_original_names_the_pair(original, tmp_path):
    values = np.linspace(-1, 1, 500)
    values[3] = np.nan  # [SEP], the end of every row
    broken = model(tmp_path / "broken", graph=graphs.table(values))
    message = verify_fails(original, broken)
    assert f"{broken} gives the logit nan for pair 0, query 'why are there two" in message


def test_a_model_that_ranks_nothing(tmp_path):
    directory = model(tmp_path / "m", graph=graphs.table(np.full(500, 0.25)))
    assert verify(directory).failures == ["every pair has the same logit, 0.25: it ranks nothing"]


def test_another_tokenizer(original, other):
    message = verify_fails(other(tokenizer=models.unigram()), original)
    assert f"the tokenizer of {original} is another" in message
    assert "pair 0" in message


def test_other_type_ids(original, other):
    directory = other()
    said = json.loads((directory / "tokenizer.json").read_text())
    for piece in said["post_processor"]["pair"]:
        next(iter(piece.values()))["type_id"] = 0
    (directory / "tokenizer.json").write_text(json.dumps(said))
    assert "gives other type ids for pair 0" in verify_fails(directory, original)


@pytest.mark.parametrize("runner", ["onnxruntime", "rerank_core"])
def test_without_the_python_half_of_onnxruntime_our_engine_runs_both(
    original, other, monkeypatch, runner
):
    if runner == "rerank_core":
        # Its folder is there, and so is the library, but its own extension does not import.
        monkeypatch.delitem(sys.modules, "onnxruntime")
        monkeypatch.setitem(sys.modules, "onnxruntime.capi", None)
    assert find_original(original).runner == runner
    verification = verify(other(), original)
    assert verification.passed
    assert runner in verification.original


def test_two_logits_are_compared_as_one(tmp_path):
    graph = graphs.bert(replace(SHAPE, labels=2))
    directory = model(tmp_path / "two", graph=graph)
    assert verify(directory, directory).passed


def test_three_logits_of_an_original(original, tmp_path):
    three = model(tmp_path / "three", graph=graphs.bert(replace(SHAPE, labels=3)))
    assert f"{three} gives 3 logits for a pair" in verify_fails(original, three)


def test_an_original_that_cannot_be_loaded_or_run(original, tmp_path):
    broken = model(tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"no graph at all")
    assert f"{broken} cannot be loaded by onnxruntime" in verify_fails(original, broken)
    small = graphs.bert(replace(SHAPE, positions=100))
    short = model(tmp_path / "short", graph=small)
    assert f"{short} does not run on " in verify_fails(original, short)


def test_a_pickle_is_never_loaded(original, tmp_path):
    directory = tmp_path / "checkpoint"
    directory.mkdir()
    (directory / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    assert "which runs code when it is loaded" in verify_fails(original, directory)


def test_a_checkpoint_without_pytorch(original, other, monkeypatch):
    for name in ("torch", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    checkpoint = other()
    (checkpoint / "model.safetensors").write_bytes(b"")
    assert verify(original, checkpoint).passed, "its graph is as good"
    (checkpoint / "model.onnx").unlink()
    assert "install torch and transformers" in verify_fails(original, checkpoint)


@pytest.mark.parametrize(
    ("against", "error"),
    [
        (5, "model must be a string or a path, got int"),
        ("", "must not be empty"),
        ("a\0b", "not found"),
        ("~no-such-user/x", "not found"),
    ],
)
def test_names_that_cannot_be(against, error):
    with pytest.raises(RerankError, match=error):
        verify("bundled", against)


@pytest.mark.parametrize(
    ("directory", "against"), [("no-such", None), ("bundled", "no-such"), ("no-such", "bundled")]
)
def test_directories_that_are_not_there(directory, against):
    with pytest.raises(NotFoundError, match="Model 'no-such' not found"):
        verify(directory, against)


def test_a_directory_that_is_no_model(tmp_path):
    assert "has no config.json" in verify_fails(tmp_path)
    assert "has no config.json" in verify_fails("bundled", tmp_path)


DOCUMENTS = ["river stone", "music", "a letter about bread and copper"]


@pytest.fixture
def references(original, tmp_path):
    """Published scores of the original, changed as a test likes."""

    def write(shift=0.0, model="owner/original", **changes):
        from rerank_core import Reranker

        with Reranker(original) as reranker:
            scores = reranker.score("silver river", DOCUMENTS).tolist()
        case = {
            "id": "published",
            "model": model,
            "query": "silver river",
            "documents": DOCUMENTS,
            "scores": [score + shift for score in scores],
            "score_kind": "sigmoid",
            "tolerance_abs": 1e-5,
            **changes,
        }
        path = tmp_path / "references.json"
        path.write_text(json.dumps({"cases": [case, {**case, "model": "somebody/else"}]}))
        return path

    return write


def test_published_scores(original, references):
    verification = verify(original, references=references())
    assert verification.passed
    assert [case.id for case in verification.cases] == ["published"]
    assert verification.skipped == 2, "somebody else's and the built-in one"
    assert "1 published cases; 2 others skipped" in verification.to_text()


def test_published_scores_that_are_not_those_of_the_model(original, references):
    (failure,) = verify(original, references=references(shift=0.001)).failures
    assert failure.startswith("published: document ")
    assert "allowed is a difference of 1e-05" in failure


@pytest.mark.parametrize("source", ["owner/original", "/somewhere/original", "original"])
def test_names_come_from_the_manifest_first(references, other, source):
    directory = other()
    path = references()
    assert "no published scores for 'other'" in verify_fails(directory, references=path)
    assert verify(directory, references=path, model_name="owner/original").passed
    Manifest(made={"source": source}).write(directory)
    assert verify(directory, references=path).passed


def test_unknown_names(original, references):
    path = references()
    message = verify_fails(original, references=path, model_name="owner/originel")
    assert "near names are owner/original" in message
    assert "must not be empty" in verify_fails(original, references=path, model_name=" ")


def test_scores_of_which_none_decides(original, references):
    path = references(tolerance_abs=None)
    assert verify(original, references=path).failures == [
        "none of the 1 published cases says how far a score may be off"
    ]


def test_speed_and_memory_are_measured_for_both(monkeypatch, original, other):
    monkeypatch.setenv("COLUMNS", "80")
    verification = verify(other(), original, speed=True)
    ours, theirs = verification.speed
    for one in (ours, theirs):
        assert one.rounds == 3
        assert one.pairs_per_second > 1
        assert 10 < one.peak_mb < 10_000
    assert max(map(len, verification.to_text().splitlines()[2:])) <= 80
    assert "quick look, ratio" in verification.to_text()
    assert "..." not in verification.to_text()


def test_a_process_that_ends_early_says_why(tmp_path):
    from rerank_core import EngineError

    with pytest.raises(EngineError, match=r"ended with status 1: .*NotFoundError"):
        measure([Contender("rerank_core", tmp_path / "none", None, tmp_path / "none")])


def test_what_cannot_be_measured_withholds_nothing(original, monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    monkeypatch.setenv("COLUMNS", "80")
    verification = verify(original, speed=True)
    assert verification.passed
    assert verification.speed == ()
    assert "not measured: the process that measures" in verification.checks[-1].found
    assert max(map(len, verification.to_text().splitlines()[2:])) <= 80


def run(capsys, *arguments):
    status = cli.main(["verify", *map(str, arguments), "--no-speed"])
    return status, *capsys.readouterr()


def test_the_command_passes(capsys, original, other):
    status, out, err = run(capsys, other(), "--against", original)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].endswith("other (fp32)")
    assert lines[1].startswith(f"against {original} (fp32 graph), run by onnxruntime")
    assert "FAILED" not in out
    assert all(line.endswith(" ok") for line in lines if "largest" in line or "same bits" in line)


def test_the_command_refuses(capsys, monkeypatch, original, other):
    monkeypatch.setenv("COLUMNS", "80")
    status, out, err = run(capsys, other(scaled(1.01)), "--against", original)
    assert status == 1
    assert out.count("FAILED") == 1
    assert max(len(line) for line in out.splitlines()[3:]) <= 80
    assert err.startswith("rerank-core: ")
    assert "the largest difference of a logit is" in err


def test_the_command_as_json(capsys, original, other):
    status, out, _ = run(capsys, other(scaled(1.01)), "--against", original, "--json")
    said = json.loads(out)
    assert (status, said["passed"], said["comparison"]["passed"]) == (1, False, False)
    assert said["failures"]
    assert said["comparison"]["pairs"] == 66
    status, out, _ = run(capsys, original, "--json")
    assert (status, json.loads(out)["comparison"]) == (0, None)


def test_the_command_with_references(capsys, original, references):
    path = references(id="a\x1b[31m\nb")
    status, out, _ = run(capsys, original, "--references", path)
    assert status == 0
    assert "a [31m b" in out


def test_the_command_without_a_model(capsys):
    status, out, err = run(capsys, "no-such")
    assert (status, out) == (1, "")
    assert "Model 'no-such' not found" in err
