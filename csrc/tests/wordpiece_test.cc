// The BERT tokenizer, step by step: the words of a text, then the pieces of a word. Every expectation is
// what the `tokenizers` library gives.
#include "core/text/wordpiece.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/bert_each_word.h"
#include "core/text/bert_text.h"
#include "core/text/bert_word_pieces.h"
#include "core/text/trie_cells.h"
#include "tests/check.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;

using Strings = std::vector<std::string>;

// The id of a piece is its place.
WordPiece model_of(const Strings& pieces, const WordPieceOptions& options = {}) {
  WordPiece::Pieces all;
  for (const std::string& piece : pieces)
    all.emplace_back(piece, static_cast<std::int32_t>(all.size()));
  return WordPiece(all, options);
}

Ids ids_of(const WordPiece& model, std::string_view word) {
  Ids ids;
  model.tokenize(word, *model.make_scratch(), ids);
  return ids;
}

Strings words_of(std::string_view text, const BertTextOptions& options = {}) {
  Strings words;
  BertText::Buffers buffers;
  BertText(options).each_word(text, buffers, [&](std::string_view word) {
    words.emplace_back(word);
    return true;
  });

  std::string normalized;  // the steps one by one must agree
  make_bert_normalizer(options)->apply(text, normalized);
  Words split;
  make_bert_pre_tokenizer()->apply(normalized, true, split);
  Strings slow;
  for (std::size_t i = 0; i < split.size(); ++i) slow.emplace_back(split[i]);
  CHECK_EQ(words, slow);
  return words;
}

void the_longest_piece_comes_first() {
  const WordPiece model =
      model_of({"[UNK]", "un", "##aff", "##able", "##a", "able", "una", "##f", "##ffa"});
  CHECK_EQ(ids_of(model, "unaff"), {6, 7, 7});
  CHECK_EQ(ids_of(model, "unaffable"), {0});  // una ##ffa, and nothing goes on with b
  CHECK_EQ(ids_of(model, "able"), {5});
  CHECK_EQ(ids_of(model, "ableable"), {5, 3});
  CHECK_EQ(ids_of(model, "x"), {0});
}

void a_match_that_breaks_off_is_taken_up_again() {
  const WordPiece model = model_of({"[UNK]", "a", "abcdx", "##b", "##c", "##cdy", "##d"});
  CHECK_EQ(ids_of(model, "abcdx"), {2});
  CHECK_EQ(ids_of(model, "abcd"), {1, 3, 4, 6});
  CHECK_EQ(ids_of(model, "abcdy"), {1, 3, 5});
  CHECK_EQ(ids_of(model, "abcdd"), {1, 3, 4, 6, 6});
  CHECK_EQ(ids_of(model, "abcda"), {0});
}

void prefixes_are_any_text() {
  const WordPiece model = model_of({"[UNK]", "a", "##b", "##", "#"});
  CHECK_EQ(ids_of(model, "ab"), {1, 2});
  CHECK_EQ(ids_of(model, "##b"), {2});  // a word may look like a continuing piece
  CHECK_EQ(ids_of(model, "##bb"), {2, 2});
  CHECK_EQ(ids_of(model, "##"), {3});
  CHECK_EQ(ids_of(model, "##a"), {0});
  const WordPiece bare = model_of({"[UNK]", "a", "ab", "b"}, {.continuing_subword_prefix = ""});
  CHECK_EQ(ids_of(bare, "abba"), {2, 3, 1});
  CHECK_EQ(ids_of(bare, "abc"), {0});
}

void long_words_are_unknown() {
  const WordPiece model = model_of({"[UNK]", "é", "##é"}, {.max_input_chars_per_word = 3});
  CHECK_EQ(ids_of(model, "ééé"), {1, 2, 2});  // code points count, not bytes
  CHECK_EQ(ids_of(model, "éééé"), {0});
}

void an_unknown_word_needs_the_unknown_token() {
  const WordPiece model = model_of({"a", "##b"}, {.unk_token = "<unk>"});
  Ids ids = {7};
  const auto append = [&](std::string_view word) {
    return thrown<NoTokenError>([&] { model.append(word, ids); });
  };
  CHECK_EQ(append("abx"), "WordPiece error: Missing [UNK] token from the vocabulary");
  CHECK_EQ(ids, {7});
  CHECK_EQ(append("abb"), "nothing was thrown");
  CHECK_EQ(ids, {7, 0, 1, 1});
}

// By trying every length at every place this would take hours.
void time_is_linear() {
  const std::size_t length = 20'000;
  const std::string run(length, 'a');
  const WordPiece model = model_of({"[UNK]", "a", "##a", run + "b", "##" + run + "b"},
                                   {.max_input_chars_per_word = 100 * length});
  CHECK_EQ(ids_of(model, std::string(100 * length, 'a')).size(), 100 * length);
  CHECK_EQ(ids_of(model, std::string(50 * length, 'a') + "b").size(), 49 * length + 1);
}

void broken_vocabularies_are_refused() {
  const auto problem = [](const WordPiece::Pieces& pieces, const WordPieceOptions& options = {}) {
    return thrown<std::invalid_argument>([&] { WordPiece(pieces, options); });
  };
  CHECK_EQ(problem({{"", 3}}), "nothing was thrown");
  CHECK_EQ(problem({}), "a WordPiece vocabulary must have a piece");
  CHECK_EQ(problem({{"a", 0}, {"b", 1}, {"a", 2}}), "piece 'a' occurs twice");
  CHECK_EQ(problem({{"a", 0}, {"b", -1}}), "piece 'b' has the id -1");
  CHECK_EQ(problem({{"a", 0}, {"\xC3", 1}}), "the piece with id 1 is not UTF-8");
  CHECK_EQ(problem({{"a", 0}}, {.continuing_subword_prefix = "\xC3"}),
           "the continuing_subword_prefix is not UTF-8");
}

void words_are_normalized() {
  CHECK_EQ(words_of("H\u00e9\tLL\u200bo,W\u00f6rld!"), {"he", "llo", ",", "world", "!"});
  CHECK_EQ(words_of("\u4e2da\uf900"), {"\u4e2d", "a", "\u8c48"});
  CHECK_EQ(words_of(std::string_view("x\0\x01\u00ady\ufffd", 9)), {"xy"});
  CHECK_EQ(words_of("\uac00"), {"\u1100\u1161"});
  CHECK_EQ(words_of("\u226e \u037e"), {"<", ";"});
  CHECK_EQ(words_of("\u0130I\u0307"), {"ii"});
  CHECK_EQ(words_of(" \u0301\u3000 "), {});
  CHECK_EQ(words_of(""), {});
}

void options_are_kept() {
  const BertTextOptions accents = {.strip_accents = false};
  CHECK_EQ(words_of("\u0130\u00c9", accents), {"i\u0307\u00e9"});
  CHECK_EQ(words_of("\uac00\u037e", accents), {"\uac00", "\u037e"});  // no NFD
  const BertTextOptions upper = {.lowercase = false};
  CHECK_EQ(words_of("H\u00c9", upper), {"H\u00c9"});
  const BertTextOptions only_strip = {.strip_accents = true, .lowercase = false};
  CHECK_EQ(words_of("H\u00c9", only_strip), {"HE"});
  CHECK_EQ(words_of("a\u4e2db", {.handle_chinese_chars = false}), {"a\u4e2db"});
  CHECK_EQ(words_of("a\u200bb\tc", {.clean_text = false}), {"a\u200bb", "c"});
}

// NFD sorts the marks that follow a letter; the two here are not among those that are then dropped.
void marks_are_reordered() {
  const std::string first = "\U0001d165";
  const std::string second = "\u302e";
  CHECK_EQ(words_of("a" + second + first + "b"), {"a" + first + second + "b"});
  CHECK_EQ(words_of("a" + second + "\u0301\u200b" + first), {"a" + first + second});
  CHECK_EQ(words_of("a" + second + "\u0941" + first), {"a" + second + first});
  CHECK_EQ(words_of("a" + second + " " + first), {"a" + second, first});
  CHECK_EQ(words_of("\U0001d15e" + second + first), {"\U0001d157" + first + first + second});
  CHECK_EQ(words_of(second + first, {.strip_accents = false}), {second + first});
}

void tokenizing_stops_early() {
  const BertText bert;
  const WordPiece model = model_of({"[UNK]", "a", "##b", "c"});
  BertText::Buffers buffers;
  Ids ids;
  append_word_pieces(bert, model, "A ab, c", 100, buffers, ids);
  CHECK_EQ(ids, {1, 1, 2, 0, 3});
  ids = {9};
  append_word_pieces(bert, model, "A ab, c", 2, buffers, ids);
  CHECK_EQ(ids, {9, 1, 1, 2});
}

void cells_are_given_once() {
  TrieCells cells;
  std::vector<int> num_given(4096);
  std::vector<std::uint8_t> all(256);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i);
  for (const std::size_t size : {2, 256, 3, 1, 200, 100, 1, 2, 56, 256})
    for (std::size_t begin = 0; begin + size <= all.size(); begin += 101) {
      const std::span bytes(all.data() + begin, size);
      const std::uint32_t base = cells.take(bytes);
      for (const std::uint8_t byte : bytes) ++num_given.at(base ^ byte);
    }
  for (std::size_t cell = 0; cell < num_given.size(); ++cell)
    if (num_given[cell] > (cell < cells.size() ? 1 : 0)) CHECK_EQ(cell, num_given.size());
}

}  // namespace

int main() {
  return run_all({
      {"the longest piece comes first", the_longest_piece_comes_first},
      {"a match that breaks off is taken up again", a_match_that_breaks_off_is_taken_up_again},
      {"prefixes are any text", prefixes_are_any_text},
      {"long words are unknown", long_words_are_unknown},
      {"an unknown word needs the unknown token", an_unknown_word_needs_the_unknown_token},
      {"time is linear", time_is_linear},
      {"broken vocabularies are refused", broken_vocabularies_are_refused},
      {"words are normalized", words_are_normalized},
      {"options are kept", options_are_kept},
      {"marks are reordered", marks_are_reordered},
      {"tokenizing stops early", tokenizing_stops_early},
      {"cells are given once", cells_are_given_once},
  });
}
