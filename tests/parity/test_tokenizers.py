"""Ids and type ids against the `tokenizers` library itself: every family, option and real file."""

import gzip
import itertools
import json
from collections import defaultdict

import numpy as np
import pytest
import tokenizers as hf
from tokenizers import Regex, normalizers, pre_tokenizers
from tokenizers import models as hf_models

from rerank_core import Tokenizer
from tests import hostile, models, shared
from tests.conftest import MULTIPLIER, SEED

DATA = shared.DATA / "tokenizers"
FILES = sorted(DATA.rglob("*tokenizer*.json*"))
DOCUMENTS = [
    *models.texts(30, seed=5),
    "",
    " ",
    "[SEP] </s> <s>",
    "a\0b",
    "naïve ﬁ ½ ﷺ 東京 🙂‍↔️",
    "x" * 300,
    "y " * 3000,
]
QUERY = "What is a naïve café?"
HOSTILE = hostile.texts(1000 * MULTIPLIER, seed=int(SEED))
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = CL100K.replace(r"\p{N}{1,3}", r"\p{N}")


def saved(tokenizer, tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def both(path):
    """Give our tokenizer and the library's, bare of truncation and padding."""
    reference = hf.Tokenizer.from_file(str(path))
    reference.no_padding()
    reference.no_truncation()
    ours = Tokenizer.from_file(path)
    assert ours.native, ours.name
    vocabulary = reference.get_vocab(with_added_tokens=True)
    assert (ours.vocab_size, ours.largest_id) == (len(vocabulary), max(vocabulary.values()))
    return ours, reference


def check_ids(ours, reference, texts):
    encoded = ours.encode(texts, add_special_tokens=False)
    expected = reference.encode_batch_fast(texts, add_special_tokens=False)
    for index, (text, encoding) in enumerate(zip(texts, expected, strict=True)):
        found = encoded[index].tolist()
        assert found == encoding.ids, f"{text!a} gives {found}, not {encoding.ids}"


def check_pairs(ours, reference, max_length):
    reference.enable_truncation(max_length, strategy="only_second")
    expected = reference.encode_batch([(QUERY, document) for document in DOCUMENTS])
    reference.no_truncation()
    rows = ours.encode_pairs(QUERY, DOCUMENTS, max_length=max_length)
    assert rows.ids.tolist() == [i for encoding in expected for i in encoding.ids]
    assert rows.type_ids.tolist() == [i for encoding in expected for i in encoding.type_ids]
    assert np.diff(rows.offsets).tolist() == [len(encoding.ids) for encoding in expected]


def check_prefixes(ours, texts):
    """A text that is cut has the first of its ids, however little of it was looked at."""
    whole = ours.cut(texts)
    for limit in (0, 1, 7, 60, 700):
        cut = ours.cut(texts, limit)
        for index in range(len(texts)):
            assert cut[index].tolist() == whole[index][:limit].tolist(), repr(texts[index])


def check(path, code_points=37):
    ours, reference = both(path)
    for max_length in (512, 40):
        check_pairs(ours, reference, max_length)
    single = reference.encode_batch(DOCUMENTS)
    assert ours.encode(DOCUMENTS).ids.tolist() == [i for encoding in single for i in encoding.ids]
    check_ids(ours, reference, HOSTILE)
    check_ids(ours, reference, list(hostile.every_code_point(code_points)))
    joined = [" ".join(HOSTILE[i : i + 50]) for i in range(0, 500, 50)]
    check_ids(ours, reference, joined)
    check_prefixes(ours, [*joined, *DOCUMENTS])


@pytest.mark.parametrize("family", models.TOKENIZERS)
def test_made_tokenizers(tmp_path, family):
    check(saved(models.TOKENIZERS[family](), tmp_path), code_points=1)


@pytest.mark.skipif(not FILES, reason="the real tokenizers of ../shared/data are not here")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_real_tokenizers(tmp_path, path):
    data = path.read_bytes()
    plain = tmp_path / "tokenizer.json"
    plain.write_bytes(gzip.decompress(data) if path.suffix == ".gz" else data)
    check(plain, code_points=11 if MULTIPLIER == 1 else 1)


@pytest.mark.parametrize(
    ("clean_text", "chinese", "accents", "lowercase"),
    list(itertools.product([True, False], [True, False], [True, False, None], [True, False])),
)
def test_bert_normalizer(tmp_path, clean_text, chinese, accents, lowercase):
    tokenizer = models.wordpiece()
    tokenizer.normalizer = normalizers.BertNormalizer(clean_text, chinese, accents, lowercase)
    check(saved(tokenizer, tmp_path))


NORMALIZERS = {
    "none": None,
    "nfc": normalizers.NFC(),
    "nfd": normalizers.NFD(),
    "nfkc": normalizers.NFKC(),
    "nfkd": normalizers.NFKD(),
    "lowercase": normalizers.Lowercase(),
    "strip": normalizers.Strip(),
    "strip right": normalizers.Strip(left=False),
    "accents": normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]),
    "nmt": normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()]),
    "replace": normalizers.Sequence(
        [normalizers.Replace(Regex(" {2,}"), " "), normalizers.Replace("e", "é")]
    ),
    "prepend": normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]  # Llama's
    ),
}
PRE_TOKENIZERS = {
    "bert": pre_tokenizers.BertPreTokenizer(),
    "whitespace": pre_tokenizers.Whitespace(),
    "whitespace split": pre_tokenizers.WhitespaceSplit(),
    "digits": pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]
    ),
    "punctuation": pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous")]
    ),
    "metaspace": pre_tokenizers.Metaspace(),
    "metaspace never": pre_tokenizers.Metaspace(prepend_scheme="never"),
    "metaspace whole": pre_tokenizers.Metaspace(split=False),
    "metaspace old": pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    ),
    "delimiter": pre_tokenizers.CharDelimiterSplit("e"),
    "split": pre_tokenizers.Split("a", "merged_with_previous"),
}


@pytest.mark.parametrize("normalizer", NORMALIZERS)
@pytest.mark.parametrize("family", ["unigram", "wordpiece"])
def test_normalizers(tmp_path, normalizer, family):
    tokenizer = models.TOKENIZERS[family]()
    if NORMALIZERS[normalizer] is None:
        config = json.loads(tokenizer.to_str())
        config["normalizer"] = None
        tokenizer = hf.Tokenizer.from_str(json.dumps(config))
    else:
        tokenizer.normalizer = NORMALIZERS[normalizer]
    check(saved(tokenizer, tmp_path))


@pytest.mark.parametrize("pre_tokenizer", PRE_TOKENIZERS)
@pytest.mark.parametrize("family", ["unigram", "wordpiece"])
def test_pre_tokenizers(tmp_path, pre_tokenizer, family):
    tokenizer = models.TOKENIZERS[family]()
    tokenizer.pre_tokenizer = PRE_TOKENIZERS[pre_tokenizer]
    check(saved(tokenizer, tmp_path))


@pytest.mark.parametrize("regex", [GPT2, CL100K, QWEN2], ids=["gpt2", "cl100k", "qwen2"])
@pytest.mark.parametrize("ignore_merges", [False, True])
def test_split_by_regex(tmp_path, regex, ignore_merges):
    tokenizer = models.byte_bpe()
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(regex), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.model.ignore_merges = ignore_merges
    check(saved(tokenizer, tmp_path))


def test_prefix_space(tmp_path):
    tokenizer = models.byte_bpe()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    check(saved(tokenizer, tmp_path))


@pytest.mark.parametrize("family", ["wordpiece", "unigram", "byte_bpe"])
def test_added_tokens(tmp_path, family):
    tokenizer = models.TOKENIZERS[family]()
    tokenizer.add_tokens(
        [
            hf.AddedToken("hello", single_word=True),
            hf.AddedToken("Wor", lstrip=True, rstrip=True),
            hf.AddedToken("World", normalized=False),
            hf.AddedToken("foo_", single_word=True, normalized=False),
            hf.AddedToken("garden"),
            hf.AddedToken("é x", normalized=True),
            hf.AddedToken("🙂", rstrip=True),
        ]
    )
    tokenizer.add_special_tokens(
        [hf.AddedToken("<mask>", lstrip=True), hf.AddedToken("[MASK]", rstrip=True), "<mask>x"]
    )
    check(saved(tokenizer, tmp_path))
    ours, reference = both(tmp_path / "tokenizer.json")
    texts = ["  hello  ", "hello_", "Worldly World", "<mask> <mask>x  [MASK]  🙂 🙂", "é x É X"]
    texts += ["a hello\u0301 b", "hello,hello hellohello", "foo_ foo_1", "the garden gardens"]
    check_ids(ours, reference, texts)


def test_ids_of_the_file_do_not_count(tmp_path):
    """`tokenizers` numbers added tokens anew when it loads a file."""
    config = json.loads(models.wordpiece().to_str())
    described = defaultdict(bool, content="new", id=9999)
    names = ("content", "id", "single_word", "lstrip", "rstrip", "normalized", "special")
    config["added_tokens"].append({name: described[name] for name in names})
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(config))
    check(path)


def test_other_models_are_left_to_the_library(tmp_path, caplog):
    tokenizer = hf.Tokenizer(hf_models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    path = saved(tokenizer, tmp_path)
    with caplog.at_level("INFO", "rerank_core"):
        ours = Tokenizer.from_file(path)
    assert not ours.native
    assert "WordLevel" in ours.name
    assert "WordLevel" in caplog.text
    assert ours.encode(["a b a"]).ids.tolist() == [0, 1, 0]
    assert ours.cut(["a b a"], 2).ids.tolist() == [0, 1]


def test_native_and_library_are_two_backends_of_one_class(tmp_path):
    path = saved(models.wordpiece(), tmp_path)
    native, library = (Tokenizer.from_file(path, native=flag) for flag in (True, False))
    assert (native.native, library.native) == (True, False)
    assert native.fingerprint == library.fingerprint
    assert native.encode(DOCUMENTS).ids.tolist() == library.encode(DOCUMENTS).ids.tolist()


def test_gzip(tmp_path):
    path = saved(models.wordpiece(), tmp_path)
    packed = tmp_path / "tokenizer.json.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert Tokenizer.from_file(packed).encode(DOCUMENTS).ids.tolist() == (
        Tokenizer.from_file(path).encode(DOCUMENTS).ids.tolist()
    )


STRINGS = 20_000_000  # over all tokenizers
LARGE = [
    *(path for path in FILES if "all-minilm" not in path.name),
    *(family for family in models.TOKENIZERS if "_" not in family or family == "byte_bpe"),
]


def check_large(target, tmp_path, batches):
    """Compare arrays, and look for the text only where they differ."""
    path = target if not isinstance(target, str) else saved(models.TOKENIZERS[target](), tmp_path)
    ours, library = (Tokenizer.from_file(path, native=native) for native in (True, False))
    assert ours.native
    for texts in batches:
        found, expected = ours.encode(texts), library.encode(texts)
        if not np.array_equal(found.ids, expected.ids):
            differ = [t for i, t in enumerate(texts) if found[i].tolist() != expected[i].tolist()]
            pytest.fail(f"{len(differ)} texts differ, the shortest is {min(differ, key=len)!a}")


@pytest.mark.long
@pytest.mark.parametrize("target", LARGE, ids=str)
def test_millions_of_hostile_strings(tmp_path, target):
    size = 20_000
    seeds = range(int(SEED), int(SEED) + STRINGS // len(LARGE) // size)
    check_large(target, tmp_path, (hostile.texts(size, seed, longest=8) for seed in seeds))


@pytest.mark.long
@pytest.mark.skipif(not FILES, reason="the reference text of ../shared/data is not here")
@pytest.mark.parametrize("target", LARGE, ids=str)
def test_all_reference_text(tmp_path, target):
    check_large(target, tmp_path, reference_text())


def reference_text():
    for path in sorted(shared.DATA.rglob("*")):
        if not path.is_file() or path.suffix in (".zip", ".npz") or DATA in path.parents:
            continue
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        lines = data.decode(errors="replace").splitlines()
        for i in range(0, len(lines), 20_000):
            yield lines[i : i + 20_000]
