"""The shape of a tokenizer.json that the native core may read: no wider than the library's own reader.

What has another shape is left to the library, which knows what old files mean and what is broken.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Check = Callable[[Any], bool]
    Fields = Mapping[str, Check]

__all__ = ["Number", "load"]

_MOST_NESTED = 8  # sequences of steps within each other


class Number(str):
    """A number with a fraction or an exponent, as it is written."""

    __slots__ = ()


def load(text: str) -> dict[str, Any]:
    """Read a tokenizer.json, with its fractions as `Number`.

    Raises:
        ValueError: It is not JSON, or has another shape.
    """
    config: dict[str, Any] = json.loads(
        text,
        parse_float=Number,
        parse_int=_integer if "-0" in text else None,
        parse_constant=_refused,
        object_pairs_hook=_unique,
    )
    if "\\ud" in text or "\\uD" in text:  # surrogates: two are a character, one has no UTF-8 form
        json.dumps(config, ensure_ascii=False).encode()
    if not _TOKENIZER(config):
        raise ValueError("it has not the shape in which tokenizers are saved")
    for name, known, inner in (
        ("normalizer", _NORMALIZERS, "normalizers"),
        ("pre_tokenizer", _PRE_TOKENIZERS, "pretokenizers"),
        ("post_processor", _POST_PROCESSORS, "processors"),
        ("decoder", _DECODERS, "decoders"),
    ):
        if config.get(name) is not None:
            _check_step(config[name], known, inner, _MOST_NESTED)
    model = config["model"]
    fields = _MODELS.get(model.get("type", ""))
    if fields and not fields(model):
        raise ValueError(f"the model {model['type']} has not the shape in which it is saved")
    return config


def _check_step(step: Any, known: Mapping[str, Check], inner: str, depth: int) -> None:
    if not isinstance(step, dict) or type(step.get("type")) is not str:
        raise ValueError(f"a step of {inner} has no type")
    name = step["type"]
    if name == "Sequence":
        if step.keys() != {"type", inner} or type(step[inner]) is not list or depth == 0:
            raise ValueError(f"a sequence of {inner} has not the shape in which it is saved")
        for each in step[inner]:
            _check_step(each, known, inner, depth - 1)
    elif name not in known:
        raise ValueError(f"{name} among the {inner} is not implemented")
    elif not known[name](step):
        raise ValueError(f"{name} among the {inner} has not the shape in which it is saved")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice in an object")
    return found


def _integer(digits: str) -> int:
    if digits == "-0":
        raise ValueError("-0 is no integer")
    return int(digits)


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _text(value: Any) -> bool:
    return type(value) is str


def _flag(value: Any) -> bool:
    return type(value) is bool


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**32


def _share(value: Any) -> bool:
    return type(value) in (int, Number) and 0 <= float(value) <= 1


def _character(value: Any) -> bool:
    return _text(value) and len(value) == 1


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _one_of(*names: str) -> Check:
    return lambda value: _text(value) and value in names


def _list_of(check: Check) -> Check:
    return lambda value: type(value) is list and all(map(check, value))


def _object(required: Fields, optional: Fields | None = None) -> Check:
    """Check an object with all of the required fields, and no others than the optional ones."""
    every = {**(optional or {}), **required}

    def check(value: Any) -> bool:
        return (
            type(value) is dict
            and required.keys() <= value.keys() <= every.keys()
            and all(every[key](inner) for key, inner in value.items())
        )

    return check


def _step(optional: Fields | None = None, /, **required: Check) -> Check:
    return _object({"type": _text, **required}, optional)


def _token(value: Any) -> bool:  # of BertProcessing: a piece and its id
    return type(value) is list and len(value) == 2 and _text(value[0]) and _count(value[1])  # noqa: PLR2004


def _ids(value: Any) -> bool:
    return type(value) is dict and set(map(type, value.values())) <= {int}


def _scores(value: Any) -> bool:
    return (
        type(value) is list
        and set(map(type, value)) <= {list}
        and set(map(len, value)) <= {2}
        and {type(piece) for piece, _ in value} <= {str}
        and {type(score) for _, score in value} <= {int, Number}
    )


def _merges(value: Any) -> bool:
    return type(value) is list and set(map(type, value)) in ({str}, {list}, set())


_PATTERN = _object({}, {"String": _text, "Regex": _text})


def _pattern(value: Any) -> bool:
    return _PATTERN(value) and len(value) == 1


_BEHAVIOR = _one_of("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
_SIDE = _one_of("Left", "Right")
_METASPACE = _step(
    {
        "prepend_scheme": _one_of("first", "never", "always"),
        "split": _flag,
        "add_prefix_space": _flag,
        "str_rep": _text,
    },
    replacement=_character,
)
_BYTE_LEVEL = _step({"use_regex": _flag}, add_prefix_space=_flag, trim_offsets=_flag)
_REPLACE = _step(pattern=_pattern, content=_text)

_NORMALIZERS = {
    "BertNormalizer": _step(
        clean_text=_flag,
        handle_chinese_chars=_flag,
        strip_accents=_or_null(_flag),
        lowercase=_flag,
    ),
    **dict.fromkeys(["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"], _step()),
    "Precompiled": _step(precompiled_charsmap=_text),
    "Strip": _step(strip_left=_flag, strip_right=_flag),
    "Prepend": _step(prepend=_text),
    "Replace": _REPLACE,
}
_PRE_TOKENIZERS = {
    **dict.fromkeys(["BertPreTokenizer", "Whitespace", "WhitespaceSplit"], _step()),
    "Metaspace": _METASPACE,
    "Digits": _step(individual_digits=_flag),
    "FixedLength": _step(length=_count),
    "Punctuation": _step({"behavior": _BEHAVIOR}),
    "ByteLevel": _BYTE_LEVEL,
    "CharDelimiterSplit": _step(delimiter=_character),
    "Split": _step(pattern=_pattern, behavior=_BEHAVIOR, invert=_flag),
}
_PIECE = _object(
    {},
    {
        "Sequence": _object({"id": _one_of("A", "B"), "type_id": _count}),
        "SpecialToken": _object({"id": _text, "type_id": _count}),
    },
)
_SPECIAL = _object({"id": _text, "ids": _list_of(_count), "tokens": _list_of(_text)})
_TEMPLATE = _list_of(lambda piece: _PIECE(piece) and len(piece) == 1)


def _specials(value: Any) -> bool:
    return type(value) is dict and all(
        _SPECIAL(special) and special["id"] == key and len(special["ids"]) == len(special["tokens"])
        for key, special in value.items()
    )


_POST_PROCESSORS = {
    "TemplateProcessing": _step(single=_TEMPLATE, pair=_TEMPLATE, special_tokens=_specials),
    "BertProcessing": _step(sep=_token, cls=_token),
    "RobertaProcessing": _step(sep=_token, cls=_token, trim_offsets=_flag, add_prefix_space=_flag),
    "ByteLevel": _BYTE_LEVEL,
}
_DECODERS = {
    "BPEDecoder": _step(suffix=_text),
    "ByteLevel": _BYTE_LEVEL,
    "WordPiece": _step(prefix=_text, cleanup=_flag),
    "Metaspace": _METASPACE,
    "CTC": _step(pad_token=_text, word_delimiter_token=_text, cleanup=_flag),
    "Replace": _REPLACE,
    "Strip": _step(content=_character, start=_count, stop=_count),
    **dict.fromkeys(["Fuse", "ByteFallback"], _step()),
}
_MODELS = {
    "BPE": _step(
        {
            "dropout": _or_null(_share),
            "unk_token": _or_null(_text),
            "continuing_subword_prefix": _or_null(_text),
            "end_of_word_suffix": _or_null(_text),
            "fuse_unk": _flag,
            "byte_fallback": _flag,
            "ignore_merges": _flag,
        },
        vocab=_ids,
        merges=_merges,
    ),
    "WordPiece": _step(
        vocab=_ids,
        unk_token=_text,
        continuing_subword_prefix=_text,
        max_input_chars_per_word=_count,
    ),
    "Unigram": _step({"byte_fallback": _flag}, vocab=_scores, unk_id=_or_null(_count)),
}
_ADDED_TOKEN = _object(
    {
        "id": _count,
        "content": _text,
        **dict.fromkeys(["single_word", "lstrip", "rstrip", "normalized", "special"], _flag),
    }
)
_TRUNCATION = _object(
    {
        "max_length": _count,
        "strategy": _one_of("LongestFirst", "OnlyFirst", "OnlySecond"),
        "stride": _count,
    },
    {"direction": _SIDE},
)
_BATCH_LONGEST = _one_of("BatchLongest")
_FIXED = _object({"Fixed": _count})
_PADDING = _object(
    {
        "strategy": lambda value: _BATCH_LONGEST(value) or _FIXED(value),
        "direction": _SIDE,
        "pad_to_multiple_of": _or_null(_count),
        "pad_id": _count,
        "pad_type_id": _count,
        "pad_token": _text,
    }
)
_TOKENIZER = _object(
    {"model": lambda value: type(value) is dict},
    {
        "version": _one_of("1.0"),
        "truncation": _or_null(_TRUNCATION),
        "padding": _or_null(_PADDING),
        "added_tokens": _list_of(_ADDED_TOKEN),
        **dict.fromkeys(
            ["normalizer", "pre_tokenizer", "post_processor", "decoder"], lambda _: True
        ),
    },
)
