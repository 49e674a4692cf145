"""Files that are nearly a tokenizer.json: refused, or read as the `tokenizers` library reads them."""

import base64
import copy
import functools
import gzip
import json
import random
from typing import Any

import pytest
import tokenizers as hf

from rerank_core import ModelError, Tokenizer
from tests import hostile, models
from tests.conftest import MULTIPLIER, SEED

MUTATIONS = 70 * MULTIPLIER  # of each family
TEXTS = [
    "",
    "a",
    "The garden window, naïve café; 3.14 résumés don't!",
    " two  spaces\tand\r\n a line <s>[SEP]</s> ",
    "東京 Москва 🙂‍↔️ e\u0301 ﬁ ½\0",
    *hostile.texts(3, seed=1),
]

# What replaces a value, or stands where none was. Surrogates come out as escapes.
VALUES: list[Any] = [
    None,
    True,
    False,
    -1,
    0,
    1,
    399,
    400,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**63,
    2**64,
    -(2**31),
    -(2**63) - 1,
    10**400,
    0.0,
    -0.0,
    1.0,
    0.5,
    1e16,
    -1e308,
    5e-324,
    float("nan"),
    float("inf"),
    "",
    " ",
    "a",
    "ab",
    "é",
    "▁",
    "\ud800",
    "a\udfff",
    "\0",
    "$",
    "[UNK]",
    "<unk>",
    "</s>",
    "ByteLevel",
    "Sequence",
    "Isolated",
    "first",
    r"\s+",
    "x" * 5000,
    [],
    [[]],
    ["a", "b"],
    ["a", "b", "c"],
    ["a", -1.5],
    {},
    {"a": 0},
    {"type": "Lowercase"},
    {"type": "Sequence"},
    {"String": "a"},
    {"Regex": r"\s+"},
    {"Regex": "a", "String": "b"},
]
NORMALIZERS = [
    None,
    {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": True,
    },
    *({"type": name} for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Nmt")),
    {"type": "StripAccents"},
    {"type": "Strip", "strip_left": True, "strip_right": False},
    {"type": "Prepend", "prepend": "▁"},
    {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
    {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(bytes(12)).decode()},
]
PRE_TOKENIZERS = [
    None,
    *({"type": name} for name in ("BertPreTokenizer", "Whitespace", "WhitespaceSplit")),
    {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
    {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False},
    {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True},
    {"type": "Digits", "individual_digits": True},
    {"type": "FixedLength", "length": 3},
    {"type": "Punctuation", "behavior": "Isolated"},
    {"type": "CharDelimiterSplit", "delimiter": "e"},
    {
        "type": "Split",
        "pattern": {"Regex": r"\p{N}{1,3}"},
        "behavior": "Isolated",
        "invert": False,
    },
    {"type": "Split", "pattern": {"String": "a"}, "behavior": "Removed", "invert": True},
    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
]
ADDED = {
    "id": 1000,
    "content": "garden w",
    "single_word": False,
    "lstrip": True,
    "rstrip": False,
    "normalized": True,
    "special": False,
}


@functools.cache
def file_of(family):
    return models.TOKENIZERS[family]().to_str()


def assembled(rng, family):
    """Give a tokenizer of the family, at times with other steps than it has."""
    config = json.loads(file_of(family))
    for name, steps, inner in (
        ("normalizer", NORMALIZERS, "normalizers"),
        ("pre_tokenizer", PRE_TOKENIZERS, "pretokenizers"),
    ):
        if rng.random() < 0.4:
            config[name] = copy.deepcopy(rng.choice(steps))
        elif rng.random() < 0.2:
            some = [copy.deepcopy(step) for step in rng.choices(steps[1:], k=rng.randint(0, 3))]
            config[name] = {"type": "Sequence", inner: some}
    if rng.random() < 0.3:
        config["added_tokens"].append(dict(ADDED))
    return config


def place(rng, config):
    """Give an object or list somewhere in the file, and one of its keys."""
    parts = ["normalizer", "pre_tokenizer", "added_tokens", "post_processor", "model"]
    at, key = config, rng.choice([*(part for part in parts * 2 if part in config), *config])
    while isinstance(at[key], dict | list) and at[key] and rng.random() < 0.85:
        at = at[key]
        key = rng.choice(list(at)) if isinstance(at, dict) else rng.randrange(len(at))
    return at, key


def mutated(rng, config):
    """Change one thing in place, and say what."""
    at, key = place(rng, config)
    kind = rng.choice(
        [
            "alike",
            "alike",
            "alike",
            "alike",
            "delete",
            "value",
            "value",
            "graft",
            "rename",
            "repeat",
            "nest",
        ]
    )
    if kind == "delete":
        del at[key]
    elif kind == "alike":
        same = [value for value in VALUES if type(value) is type(at[key])]
        at[key] = copy.deepcopy(rng.choice(same))
    elif kind == "value":
        at[key] = copy.deepcopy(rng.choice(VALUES))
    elif kind == "graft":
        other, where = place(rng, config)
        at[key] = copy.deepcopy(other[where])
    elif kind == "nest":
        at[key] = (
            [at[key]] if rng.random() < 0.5 else {"type": "Sequence", "normalizers": [at[key]]}
        )
    elif isinstance(at, list):
        at.append(copy.deepcopy(at[key]))
    elif kind == "rename":
        at[rng.choice(["a", "", "type", "Ġ", "<0x00>", f"{key} "])] = at.pop(key)
    else:
        at[f"{key}2"] = at[key]
    return f"{kind} {key!r:.50}"


def with_repeated_key(rng, text):
    """Write a key a second time, before or behind what has it."""
    key = rng.choice(["version", "model", "vocab", "merges", "type", "unk_token", "content", "id"])
    at = text.find(f'"{key}":')
    value = json.dumps(rng.choice(VALUES))
    return text[:at] + f'"{key}":{value},' + text[at:] if at >= 0 else text


def spoilt(rng, text):
    """Give the bytes of a file that is not JSON any more, or hardly."""
    data = text.encode()
    at = rng.randrange(len(data))
    kind = rng.choice(["cut", "flip", "insert", "number", "wrap", "key"])
    if kind == "cut":
        data = data[:at]
    elif kind == "flip":
        data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    elif kind == "insert":
        new = [b"\xff", b"\xed\xa0\x80", b"\0", b"\\ud800", b"\\u0000", b"NaN", b",", b" ", b"\\x"]
        data = data[:at] + rng.choice(new) + data[at:]
    elif kind == "number":
        digits = [
            i for i in range(len(data) - 1) if data[i : i + 1] == b":" and 48 <= data[i + 1] <= 57
        ]
        at = rng.choice(digits) + 1
        new = [b"-", b"0", b"1.", b"+", b"1e", b"0.0e", b"99999999999", b"-Infinity,", b"1e-400,"]
        data = data[:at] + rng.choice(new) + data[at:]
    elif kind == "wrap":
        deep = rng.choice([100, 127, 128, 1000, 100_000])
        data = rng.choice(
            [
                b"\xef\xbb\xbf" + data,
                data + b" ",
                data + b"x",
                b"[" * deep + data + b"]" * deep,
                data.replace(
                    b'"version"', b'"new":' + b"[" * deep + b"]" * deep + b',"version"', 1
                ),
                b"",
                b"null",
                b"[]",
                b"{}",
            ]
        )
    else:
        data = with_repeated_key(rng, text).encode()
    return data, kind


def mutation(rng, family):
    """Give the bytes of a file, and what was done to it."""
    config = assembled(rng, family)
    if rng.random() < 0.2:
        data, done = spoilt(rng, json.dumps(config, ensure_ascii=False, separators=(",", ":")))
    else:
        done = ", ".join(mutated(rng, config) for _ in range(rng.choice([1, 1, 1, 2])))
        model = config.get("model")
        if isinstance(model, dict) and model.get("continuing_subword_prefix") != "##":
            # Where it cuts a character of a merge the library ends the process.
            model.pop("continuing_subword_prefix", None)
        data = json.dumps(config).encode()
    return data, done


def attempt(call):
    """Give the result, or None for an error; a panic of the library is no Exception."""
    try:
        return call()
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            return None
        raise


def reference_of(path):
    tokenizer = hf.Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if getattr(tokenizer.model, "dropout", None) is not None:
        tokenizer.model.dropout = None
    return tokenizer


def outcome(call):
    """Give the result, or a ModelError, the only error that there may be."""
    try:
        return call()
    except ModelError as error:
        return error


def check_text(ours, reference, text, done):
    def same(what, ids_of_theirs, ids_of_ours):
        expected = attempt(ids_of_theirs)
        encoded = outcome(ids_of_ours)
        ids = None if isinstance(encoded, ModelError) else encoded.ids.tolist()
        assert ids == expected, f"{done}: {ours.name} {what} {text!a} as {ids}, not {expected}"

    same(
        "encodes",
        lambda: reference.encode(text, add_special_tokens=False).ids,
        lambda: ours.encode([text], add_special_tokens=False),
    )
    same("frames", lambda: reference.encode(text).ids, lambda: ours.encode([text]))
    same(
        "lays out a pair with",
        lambda: reference.encode("a b", text).ids,
        lambda: ours.encode_pairs("a b", [text]),
    )


def check(path, done):
    """Whether the file is read, by both alike."""
    ours = outcome(lambda: Tokenizer.from_file(path))
    if isinstance(ours, ModelError):
        assert str(path) in str(ours), done
        return False
    reference = attempt(lambda: reference_of(path))
    assert reference is not None, f"{done}: {ours.name} reads what the library refuses"
    for text in TEXTS:
        check_text(ours, reference, text, done)
    return True


@pytest.mark.parametrize("family", models.TOKENIZERS)
def test_mutations(tmp_path, family):
    path = tmp_path / "tokenizer.json"
    num_read = 0
    for index in range(MUTATIONS):
        data, done = mutation(random.Random(f"{SEED} {family} {index}"), family)
        path.write_bytes(data)
        num_read += check(path, f"{index}, {done}")
    assert MUTATIONS // 8 < num_read < MUTATIONS  # neither are all harmless nor all refused


# Once read by the native core alone.
REFUSED: dict[str, dict[str, Any]] = {
    "unknown key": {"new": 1},
    "decoder": {"decoder": {"type": "WordPiece", "prefix": 1, "cleanup": True}},
    "padding": {"padding": {}},
    "truncation": {"truncation": [512]},
    "version": {"version": 1.0},
    "id is a flag": {"model": {"type": "BPE", "vocab": {"a": True}, "merges": []}},
    "score is a string": {"model": {"type": "Unigram", "unk_id": 0, "vocab": [["a", "-1.5"]]}},
    "dropout": {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 1.5}},
    "delimiter": {"pre_tokenizer": {"type": "CharDelimiterSplit", "delimiter": "ab"}},
    "flag is a number": {"added_tokens": [{**ADDED, "lstrip": 1}]},
    "id is beyond 32 bits": {"added_tokens": [{**ADDED, "id": 2**32}]},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_library_refuses(tmp_path, name):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(file_of("wordpiece")), **REFUSED[name]}))
    assert not check(path, name)


def test_a_piece_that_occurs_twice_counts_twice(tmp_path):
    """An added token gets the next id behind the pieces."""
    config = json.loads(file_of("unigram"))
    config["model"]["vocab"].append(config["model"]["vocab"][-1])
    config["added_tokens"].append(ADDED)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(config))
    assert check(path, "a piece twice")
    assert Tokenizer.from_file(path).native


def test_a_text_that_is_framed_twice(tmp_path):
    config = json.loads(file_of("wordpiece"))
    config["post_processor"]["single"] *= 2
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(config))
    with pytest.raises(ModelError, match="exactly once"):
        Tokenizer.from_file(path)


def test_gzip_that_is_not_whole(tmp_path):
    path = tmp_path / "tokenizer.json.gz"
    rng = random.Random(SEED)
    whole = gzip.compress(file_of("wordpiece").encode())
    broken = [whole[:size] for size in (2, 3, 10, len(whole) // 2, len(whole) - 8, len(whole) - 1)]
    broken += [whole + b"\x1f\x8bx", whole[:2], b"\x1f\x8b" + rng.randbytes(100)]
    for _ in range(20):
        at = rng.randrange(10, len(whole))
        broken.append(whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :])
    for data in broken:
        path.write_bytes(data)
        with pytest.raises(ModelError, match=r"tokenizer\.json\.gz"):
            Tokenizer.from_file(path)
    path.write_bytes(whole)
    assert Tokenizer.from_file(path).native


@pytest.mark.parametrize("merge", [["a", "\u00e9"], "a \u00e9"])
def test_a_prefix_that_cuts_a_character_does_not_end_the_process(tmp_path, merge):
    """`tokenizers` 0.23.3 aborts on such a file."""
    vocabulary = {"a": 0, "\u00e9": 1, "a\u00e9": 2}
    model = {"type": "BPE", "continuing_subword_prefix": "x", "vocab": vocabulary}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": {**model, "merges": [merge]}}))
    with pytest.raises(ModelError, match="cuts the merge"):
        Tokenizer.from_file(path)
