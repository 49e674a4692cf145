"""Reads the training text: passages as lists of sentences, and the questions that people asked of them."""

from __future__ import annotations

import gzip
import json
import random
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])")
LONGEST_SENTENCE = 60  # words; longer ones are cut, so that a list without full stops still divides

GENRES = {
    "medquad": "medicine",
    "pubmedqa": "medicine",
    "covid-qa": "medicine",
    "squad": "encyclopedia",
    "nq": "encyclopedia",
    "qed": "encyclopedia",
    "hipporag": "encyclopedia",
    "wikitext": "encyclopedia",
    "rust-rfcs": "technology",
    "rust-book": "technology",
    "ethereum-eips": "technology",
    "huggingface-course": "technology",
    "speeches": "speech",
    "tatoeba": "speech",
}


@dataclass(frozen=True)
class Passage:
    source: str
    document: str  # passages of one document are about one thing
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


@dataclass(frozen=True)
class Question:
    kind: str  # question, title or claim
    text: str
    passage: int


@dataclass
class Corpus:
    passages: list[Passage] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def add(self, source: str, document: str, sentences: list[str]) -> int:
        self.passages.append(Passage(source, document, tuple(sentences)))
        return len(self.passages) - 1

    def ask(self, kind: str, text: str, passage: int) -> None:
        text = re.sub(r"\s+", " ", text).strip()
        if text:
            self.questions.append(Question(kind, text, passage))


def sentences(text: str) -> list[str]:
    found = []
    for sentence in SENTENCE_END.split(re.sub(r"\s+", " ", text).strip()):
        words = sentence.split()
        found += [
            " ".join(words[i : i + LONGEST_SENTENCE])
            for i in range(0, len(words), LONGEST_SENTENCE)
        ]
    return found


def chunks(
    parts: list[str], rng: random.Random, least: int = 30, most: int = 220
) -> list[list[str]]:
    """Consecutive sentences as passages, each of a length in words drawn anew."""
    found: list[list[str]] = []
    current: list[str] = []
    size, target = 0, rng.randint(least, most)
    for sentence in parts:
        length = len(sentence.split())
        if current and size + length > target:
            found.append(current)
            current, size, target = [], 0, rng.randint(least, most)
        current.append(sentence)
        size += length
    return [*found, current] if current else found


def read(data: Path, seed: int) -> Corpus:
    """Everything in English below ``data``/training and ``data``/corpora, in a fixed order."""
    corpus, rng = Corpus(), random.Random(seed)
    for reader in (
        _medquad,
        _squad,
        _natural_questions,
        _pubmedqa,
        _covid,
        _hipporag,
        _markdown,
        _wikitext,
        _speeches,
        _tatoeba,
    ):
        reader(corpus, data, rng)
    return corpus


def translations(data: Path) -> Iterator[tuple[str, str, str]]:
    """(language, its sentence, the English sentence) of Tatoeba."""
    sides: dict[str, list[str]] = {}
    for row in _rows(data / "corpora/laser-tatoeba-v1.jsonl.gz"):
        sides[Path(row["path"]).name] = row["text"].split("\n")
    for name in sorted(sides):
        _, pair, language = name.split(".")
        if language != "eng":
            english = sides[f"tatoeba.{pair}.eng"]
            yield from (
                (language, *both) for both in zip(sides[name], english, strict=True) if all(both)
            )


def foreign_text(data: Path) -> Iterator[str]:
    """Text of many scripts, for the alphabet of the vocabulary."""
    for name in ("tesseract-langdata", "react-docs-zh", "huggingface-course"):
        for row in _rows(data / f"corpora/{name}.jsonl.gz"):
            yield row["text"]


def _rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _medquad(corpus: Corpus, data: Path, rng: random.Random) -> None:
    for row in _rows(data / "training/medquad/medquad_qa.jsonl.gz"):
        first = None
        for part in chunks(sentences(row["answer"]), rng)[:6]:
            index = corpus.add("medquad", row["focus"], part)
            first = index if first is None else first
        if first is None:
            continue
        question = row["question"].replace(" ?", "?")
        if rng.random() < 0.5:
            question = question.replace(" (are)", rng.choice(["", " are"]))
        corpus.ask("question", question, first)
        if rng.random() < 0.25:
            corpus.ask("title", f"{row['focus']} {row['qtype'].replace('_', ' ')}", first)


def _squad(corpus: Corpus, data: Path, rng: random.Random) -> None:
    """Sentences come in order, so neighbours are joined to paragraphs again."""
    for split in ("dev", "test"):
        lines = [
            [_untokenized(line) for line in path.read_text(encoding="utf-8").splitlines()]
            for path in (
                data / f"training/nqg-squad/src-{split}.txt",
                data / f"training/nqg-squad/tgt-{split}.txt",
            )
        ]
        asked: dict[str, list[str]] = {}
        for sentence, question in zip(*lines, strict=True):
            asked.setdefault(sentence, []).append(question)
        order = list(asked)
        while order:
            size = rng.randint(2, 6)
            part, order = order[:size], order[size:]
            index = corpus.add("squad", f"{split} {len(order) // 40}", part)
            for sentence in part:
                for question in asked[sentence]:
                    corpus.ask("question", question, index)


def _untokenized(text: str) -> str:
    for mark, sign in (("-lrb-", "("), ("-rrb-", ")"), ("``", '"'), ("''", '"')):
        text = text.replace(mark, sign)
    return re.sub(r"\s+", " ", text).strip()


def _natural_questions(corpus: Corpus, data: Path, rng: random.Random) -> None:
    for row in _rows(data / "training/nq-open-oracle/nq-open-oracle.jsonl.gz"):
        gold = row["ctxs"][0]
        title = [gold["title"] + "."] if rng.random() < 0.5 else []
        index = corpus.add("nq", gold["title"], title + sentences(gold["text"]))
        corpus.ask("question", row["question"], index)
    path = data / "training/qed/qed-dev.jsonlines"
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        index = corpus.add("qed", row["title_text"], sentences(row["paragraph_text"]))
        corpus.ask("question", row["question_text"], index)


def _pubmedqa(corpus: Corpus, data: Path, _: random.Random) -> None:
    for key, row in _load(data / "training/pubmedqa/ori_pqal.json").items():
        index = corpus.add("pubmedqa", key, sentences(" ".join(row["CONTEXTS"])))
        corpus.ask("question", row["QUESTION"], index)
        for claim in sentences(row.get("LONG_ANSWER", ""))[:2]:
            corpus.ask("claim", claim, index)


def _covid(corpus: Corpus, data: Path, rng: random.Random) -> None:
    for article in _load(data / "training/covid-qa/200423_covidQA.json")["data"]:
        for paragraph in article["paragraphs"]:
            text = paragraph["context"]
            parts = chunks(sentences(text), rng)
            indices = [corpus.add("covid-qa", text[:80], part) for part in parts]
            squeezed = [re.sub(r"\s+", "", " ".join(part)) for part in parts]
            for row in paragraph["qas"]:
                start = row["answers"][0]["answer_start"]
                key = re.sub(r"\s+", "", text[start : start + 60])[:35]
                for index, candidate in zip(indices, squeezed, strict=True):
                    if key and key in candidate:
                        corpus.ask("question", row["question"], index)
                        break


def _hipporag(corpus: Corpus, data: Path, rng: random.Random) -> None:
    folder = data / "training/hipporag"
    at: dict[str, int] = {}

    def once(title: str, text: str) -> int:
        if text not in at:
            at[text] = corpus.add("hipporag", title, sentences(text))
            if len(text.split()) > 12:
                plain = re.sub(r"\s*\(.*?\)", "", title)
                corpus.ask("title", rng.choice([title, plain]), at[text])
        return at[text]

    for name in ("2wikimultihopqa_corpus", "musique_train_corpus"):
        for row in _load(folder / f"{name}.json"):
            once(row["title"], row["text"])
    texts = {
        title: " ".join([title + ".", *(part.strip() for part in parts)])
        for title, parts in _load(folder / "hotpotqa_train_corpus.json").items()
    }
    titles = {title: once(title, text) for title, text in texts.items()}
    for row in _load(folder / "hotpotqa_train.json"):
        for title in {title: None for title, _ in row["supporting_facts"] if title in titles}:
            corpus.ask("question", row["question"], titles[title])
    for row in _load(folder / "musique_train.json"):
        supporting = [part for part in row["paragraphs"] if part["is_supporting"]]
        for part in supporting:
            index = once(part["title"], part["paragraph_text"])
            corpus.ask("question", row["question"], index)


def _markdown(corpus: Corpus, data: Path, rng: random.Random) -> None:
    for source in ("rust-rfcs", "rust-book", "ethereum-eips", "huggingface-course"):
        for row in _rows(data / f"corpora/{source}.jsonl.gz"):
            if row["lang"] == "en" and "SUMMARY" not in row["path"]:
                _markdown_file(corpus, source, row["path"], row["text"], rng)


def _markdown_file(corpus: Corpus, source: str, path: str, text: str, rng: random.Random) -> None:
    named = re.search(r"^title:\s*(.+)$", text, re.MULTILINE)
    stem = re.sub(r"[-_]", " ", re.sub(r"^\d+[-_]?", "", Path(path).stem))
    title = named.group(1).strip(" \"'") if named else stem
    parts = re.split(r"^#{1,5}\s+(.+)$", _prose(text), flags=re.MULTILINE)
    for heading, body in zip([title, *parts[1::2]], parts[::2], strict=True):
        plain = re.sub(r"[`*#\[\]]", "", heading).strip()
        for number, part in enumerate(chunks(sentences(body), rng)):
            if sum(len(sentence.split()) for sentence in part) < 20:
                continue
            index = corpus.add(source, path, part)
            if number == 0 and len(plain.split()) >= 2 and re.search("[a-z]", plain.lower()):
                alone = plain == title or rng.random() < 0.5
                corpus.ask("title", plain if alone else f"{title} {plain}", index)


def _prose(text: str) -> str:
    for pattern, replacement, flags in (
        (r"^---\n.*?\n---\n", "", re.DOTALL),  # front matter
        (r"```.*?```", " ", re.DOTALL),
        (r"<[^>\n]{1,200}>", " ", 0),
        (r"!\[[^\]]*\]\([^)]*\)", " ", 0),  # images, then links by their text
        (r"\[([^\]]*)\]\([^)]*\)", r"\1", 0),
        (r"\[([^\]]*)\]\[[^\]]*\]", r"\1", 0),
        (r"^\[[^\]]*\]:.*$", "", re.MULTILINE),
    ):
        text = re.sub(pattern, replacement, text, flags=flags)
    return text


def _wikitext(corpus: Corpus, data: Path, rng: random.Random) -> None:
    for name in ("test", "valid"):
        text = (data / f"corpora/wikitext-2/{name}.txt").read_text(encoding="utf-8")
        for mark, sign in ((" @-@ ", "-"), (" @,@ ", ","), (" @.@ ", "."), ("<unk>", "")):
            text = text.replace(mark, sign)
        article = ""
        parts = re.split(r"^ (=+) (.+?) =+ *$", text, flags=re.MULTILINE)
        for depth, heading, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            article = heading if depth == "=" else article
            for number, part in enumerate(chunks(sentences(body), rng)):
                index = corpus.add("wikitext", article, part)
                if number == 0:
                    corpus.ask("title", heading, index)


def _speeches(corpus: Corpus, data: Path, rng: random.Random) -> None:
    for name in ("inaugural", "state_union"):
        with zipfile.ZipFile(data / f"corpora/nltk/{name}.zip") as archive:
            for member in sorted(archive.namelist()):
                if member.endswith(".txt") and "README" not in member:
                    for part in chunks(sentences(archive.read(member).decode("latin-1")), rng):
                        corpus.add("speeches", member, part)


def _tatoeba(corpus: Corpus, data: Path, _: random.Random) -> None:
    """Single sentences: no questions, but everyday words for idf and vectors."""
    for sentence in sorted({english for *_foreign, english in translations(data)}):
        corpus.add("tatoeba", sentence, [sentence])
