"""What config.json says of a model, and which scores come of it."""

import json

import pytest

from rerank_core import Inference, ModelError, Reranker
from rerank_core.models.traits import Traits
from tests import graphs, models

DOCUMENTS = ["stone", "silver river", "bread and lamp"]


def read(root, config, tokenizer_config=None):
    (root / "config.json").write_text(json.dumps(config))
    if tokenizer_config is not None:
        (root / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    return Traits.read(root)


def named(entry, **config):
    return {"sentence_transformers": {"activation_fn": entry}, **config}


TWO = {"id2label": {"0": "no", "1": "yes"}}
IDENTITY = "torch.nn.modules.linear.Identity"


@pytest.mark.parametrize(
    ("config", "tokenizer_config", "limit"),
    [
        ({"max_position_embeddings": 512}, None, 512),
        (
            {"max_position_embeddings": 514, "model_type": "xlm-roberta", "pad_token_id": 1},
            None,
            512,
        ),
        ({"max_position_embeddings": 8194, "model_type": "xlm-roberta"}, None, 8192),
        ({"max_position_embeddings": 512}, {"model_max_length": 256}, 256),
        ({"max_position_embeddings": 512}, {"model_max_length": 1e30}, 512),
        ({"max_position_embeddings": 512}, {"model_max_length": 10**30}, 512),
        ({}, {"model_max_length": 8192}, 8192),
        ({}, None, 512),
        ({"max_position_embeddings": "512"}, {"model_max_length": "256"}, 512),
        (
            {"max_position_embeddings": 514, "model_type": "roberta", "pad_token_id": None},
            None,
            512,
        ),
        ({"max_position_embeddings": 0}, {"model_max_length": -1}, 512),
    ],
)
def test_max_length(tmp_path, config, tokenizer_config, limit):
    assert read(tmp_path, config, tokenizer_config).max_length == limit


@pytest.mark.parametrize(
    ("config", "activation", "labels"),
    [
        ({}, "sigmoid", 1),
        ({"id2label": {"0": "LABEL_0"}, "transformers_version": "4.57"}, "sigmoid", 1),
        ({"transformers_version": "4.57"}, "sigmoid", 2),
        ({"num_labels": 2}, "sigmoid", 2),
        ({"num_labels": 3, **TWO}, "sigmoid", 2),
        ({"num_labels": "3", "id2label": []}, "sigmoid", 1),
        (named(IDENTITY), "identity", 1),
        (named("torch.nn.Identity"), "identity", 1),
        (named("Identity"), "identity", 1),
        (named("torch.nn.modules.activation.Sigmoid"), "sigmoid", 1),
        (named(None), "sigmoid", 1),
        ({"sentence_transformers": {"version": "5.1"}}, "sigmoid", 1),
        ({"sentence_transformers": "5.1"}, "sigmoid", 1),
        ({"sbert_ce_default_activation_function": IDENTITY}, "identity", 1),
        ({"sbert_ce_default_activation_function": None}, "sigmoid", 1),
        (named("torch.nn.Sigmoid", sbert_ce_default_activation_function=IDENTITY), "sigmoid", 1),
        (named(IDENTITY, **TWO), "sigmoid", 2),
        (named("torch.nn.modules.activation.Softmax", **TWO), "sigmoid", 2),
        (named("torch.nn.modules.activation.Sigmoid", **TWO), None, 2),
        (named("torch.nn.modules.activation.Softmax"), None, 1),
        (named("torch.nn.modules.activation.Tanh"), None, 1),
        (named("torch.nn.identity"), None, 1),
        (named("my.package.Scaled"), None, 1),
        (named(["Identity"]), None, 1),
    ],
)
def test_activation(tmp_path, config, activation, labels):
    traits = read(tmp_path, config)
    assert (traits.activation, traits.num_labels) == (activation, labels)


def test_names(tmp_path):
    config = {"model_type": "bert", "architectures": ["BertForX"], "type_vocab_size": 2}
    traits = read(tmp_path, config)
    assert (traits.model_type, traits.architecture, traits.type_vocab_size) == (
        "bert",
        "BertForX",
        2,
    )
    bare = read(tmp_path, {"model_type": ["x"], "architectures": [], "type_vocab_size": "2"})
    assert (bare.model_type, bare.architecture, bare.type_vocab_size) == (None, None, None)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"id2label": {"0": "contradiction", "1": "entailment", "2": "neutral"}},
            r"config\.json is that of a model with 3 labels \(contradiction, entailment, neutral\); a",
        ),
        (
            {"id2label": {str(label): f"L{label}" for label in range(9)}},
            r"9 labels \(L0, L1, L2, L3, L4, \.\.\.\)",
        ),
        ({"num_labels": 5}, "a model with 5 labels; a reranker has one, or two"),
    ],
)
def test_more_than_two_labels(tmp_path, config, message):
    with pytest.raises(ModelError, match=message):
        Reranker(models.write(tmp_path, config=config), raw_scores=True)


def test_scores_follow_the_model(tmp_path):
    tokenizer = models.wordpiece()
    plain = models.write(tmp_path / "plain", tokenizer=tokenizer)
    identity = models.write(tmp_path / "identity", tokenizer=tokenizer, config=named(IDENTITY))
    with Reranker(plain) as sigmoid, Reranker(identity) as follows:
        assert (sigmoid.info.activation, sigmoid.info.raw_scores) == ("sigmoid", False)
        assert (follows.info.activation, follows.info.raw_scores) == ("identity", True)
        logits = sigmoid.score("river", DOCUMENTS, raw_scores=True).tolist()
        scores = sigmoid.score("river", DOCUMENTS).tolist()
        assert logits != scores
        assert follows.score("river", DOCUMENTS).tolist() == logits
        assert follows.score("river", DOCUMENTS, raw_scores=False).tolist() == scores
    with Reranker(identity, raw_scores=False) as asked:
        assert (asked.info.activation, asked.info.raw_scores) == ("identity", False)
        assert asked.score("river", DOCUMENTS).tolist() == scores


def test_two_labels_give_the_second_ones_softmax(tmp_path):
    vocabulary = models.wordpiece().get_vocab_size()
    graph = graphs.bert(graphs.Shape(vocab=vocabulary, labels=2))
    with Reranker(models.write(tmp_path, graph=graph, config=named(IDENTITY, **TWO))) as reranker:
        assert reranker.info.raw_scores is False
        assert all(0 < score < 1 for score in reranker.score("river", DOCUMENTS))


def test_an_activation_that_is_not_here(tmp_path):
    directory = models.write(tmp_path, config=named("torch.nn.modules.activation.Tanh"))
    message = r"config\.json names the activation 'torch\.nn\.modules\.activation\.Tanh' .*raw_scores=False"
    with pytest.raises(ModelError, match=message):
        Reranker(directory)
    with Reranker(directory, raw_scores=True) as reranker:
        assert reranker.info.activation == "torch.nn.modules.activation.Tanh"
        logits = reranker.score("river", DOCUMENTS).tolist()
        assert reranker.score("river", DOCUMENTS, raw_scores=False).tolist() != logits


@pytest.mark.parametrize("entry", [IDENTITY, "torch.nn.modules.activation.Tanh"])
def test_pinecones_scores_are_from_0_to_1(tmp_path, entry):
    directory = models.write(tmp_path, config=named(entry))
    with Inference(models={"mine": directory}) as inference:
        result = inference.rerank("mine", "river", DOCUMENTS)
    with Reranker(directory, raw_scores=False) as reranker:
        expected = sorted(reranker.score("river", DOCUMENTS).tolist(), reverse=True)
    assert [hit.score for hit in result.data] == pytest.approx(expected)
    assert all(0 < score < 1 for score in expected)
