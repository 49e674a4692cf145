"""Small PyTorch checkpoints with seeded random weights, one per architecture."""

import json
from typing import Any

import torch
import transformers as hf

from tests import models

SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 512,
}
GROUPED = {"num_key_value_heads": 2, "pad_token_id": 1}  # of decoders
OFFSET = {"max_position_embeddings": 514, "pad_token_id": 1}  # RoBERTa's positions start behind it
DISENTANGLED = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "type_vocab_size": 0,
}
MODERN = {"global_attn_every_n_layers": 2, "local_attention": 16, "pad_token_id": 1}

# The configuration, what is not SHAPE's of it, and the family of the tokenizer.
ARCHITECTURES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "bert": (hf.BertConfig, {}, "wordpiece"),
    "bert of two labels": (hf.BertConfig, {"num_labels": 2}, "wordpiece"),
    "electra": (hf.ElectraConfig, {"embedding_size": 16}, "wordpiece"),
    "distilbert": (
        hf.DistilBertConfig,
        {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48},
        "wordpiece",
    ),
    "mpnet": (hf.MPNetConfig, {"max_position_embeddings": 514}, "wordpiece"),
    "albert": (hf.AlbertConfig, {"embedding_size": 16}, "unigram"),
    "camembert": (hf.CamembertConfig, OFFSET, "unigram"),
    "xlm-roberta": (hf.XLMRobertaConfig, OFFSET, "unigram"),
    "roberta": (hf.RobertaConfig, OFFSET, "byte_bpe"),
    "deberta": (hf.DebertaConfig, DISENTANGLED, "byte_bpe"),
    "deberta-v2": (
        hf.DebertaV2Config,
        {
            **DISENTANGLED,
            "position_buckets": 16,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
        },
        "unigram",
    ),
    "modernbert, first token": (
        hf.ModernBertConfig,
        {**MODERN, "classifier_pooling": "cls"},
        "byte_bpe_sequence",
    ),
    "modernbert, mean": (
        hf.ModernBertConfig,
        {**MODERN, "classifier_pooling": "mean"},
        "byte_bpe_sequence",
    ),
    "qwen2": (hf.Qwen2Config, GROUPED, "byte_bpe_bare"),
    "qwen3": (hf.Qwen3Config, {**GROUPED, "head_dim": 8}, "byte_bpe_bare"),
    "qwen3 in bfloat16": (
        hf.Qwen3Config,
        {**GROUPED, "head_dim": 8, "torch_dtype": torch.bfloat16},
        "byte_bpe_bare",
    ),
    "llama": (hf.LlamaConfig, GROUPED, "byte_bpe_sequence"),
    "llama without a padding token": (
        hf.LlamaConfig,
        {**GROUPED, "pad_token_id": None},
        "byte_bpe_sequence",
    ),
    "gemma": (hf.GemmaConfig, {**GROUPED, "head_dim": 8}, "byte_bpe_sequence"),
    "mistral, sliding window": (
        hf.MistralConfig,
        {**GROUPED, "sliding_window": 16},
        "byte_bpe_sequence",
    ),
}


# Where only the first token reaches the score.
FIRST_TOKEN = frozenset(
    {
        "albert",
        "bert",
        "bert of two labels",
        "camembert",
        "deberta",
        "deberta-v2",
        "distilbert",
        "electra",
        "modernbert, first token",
        "mpnet",
        "roberta",
        "xlm-roberta",
    }
)


def write(directory, architecture="bert", *, shape=None, spread=0.3, **how):
    """Write a checkpoint whose weights have that standard deviation; `how` is for save_pretrained."""
    kind, more, family = ARCHITECTURES[architecture]
    more = {**more, **(shape or {})}
    tokenizer = models.TOKENIZERS[family]()
    vocabulary = tokenizer.get_vocab_size(with_added_tokens=True)
    torch.manual_seed(0)
    config = kind(vocab_size=vocabulary, **{"num_labels": 1, **SHAPE, **more})
    model = hf.AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if (
                parameter.dim() > 1
            ):  # as drawn by transformers, all pairs have nearly the same logit
                parameter.normal_(0, spread)
    model.save_pretrained(directory, **how)
    tokenizer.save(str(directory / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": tokenizer.id_to_token(1)}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))
    return directory
