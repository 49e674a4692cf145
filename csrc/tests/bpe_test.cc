// Byte pair encoding and the pre-tokenizers that come with it, on inputs small enough to work out by
// hand.
#include "core/text/bpe.h"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/byte_level.h"
#include "core/text/pre_tokenizers.h"
#include "core/text/split.h"
#include "core/text/split_patterns.h"
#include "tests/check.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;

using Strings = std::vector<std::string>;

constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

Strings words(const PreTokenizerPtr& step, std::string_view text) {
  Words out;
  step->apply(text, true, out);
  Strings found;
  for (std::size_t i = 0; i < out.size(); ++i) found.emplace_back(out[i]);
  return found;
}

Strings cut(std::string_view regex, std::string_view text) {
  return words(make_regex_split(regex, SplitBehavior::kIsolated, false), text);
}

Ids tokens(const Bpe& model, std::string_view word) {
  const auto scratch = model.make_scratch();
  Ids ids;
  model.tokenize(word, *scratch, ids);
  Ids again;  // from the cache
  model.tokenize(word, *scratch, again);
  CHECK_EQ(again, ids);
  return ids;
}

// a b c and what they merge to: "ab" before "bc".
BpeOptions small() {
  BpeOptions options;
  options.vocab = {{"a", 0}, {"b", 1}, {"c", 2}, {"ab", 3}, {"bc", 4}, {"abab", 5}};
  options.merges = {{"a", "b"}, {"b", "c"}, {"ab", "ab"}};
  return options;
}

void merges_go_by_rank_then_from_the_left() {
  const Bpe model(small());
  CHECK_EQ(tokens(model, "abc"), {3, 2});
  CHECK_EQ(tokens(model, "bbc"), {1, 4});
  CHECK_EQ(tokens(model, "ababab"), {5, 3});

  BpeOptions options = small();
  options.merges.emplace_back("a", "b");  // the last of two equal merges counts
  CHECK_EQ(tokens(Bpe(options), "abc"), {0, 4});
}

void long_words_merge_as_short_ones() {
  const Bpe model(small());
  std::string word;
  Ids expected;
  for (int i = 0; i < 1000; ++i) {
    word += "ababc";
    expected.insert(expected.end(), {5, 2});
  }
  CHECK_EQ(tokens(model, word), expected);

  BpeOptions options;  // a^2, a^4, ... a^1024
  std::string piece = "a";
  options.vocab = {{piece, 0}};
  for (std::int32_t id = 1; id <= 10; ++id) {
    options.merges.emplace_back(piece, piece);
    piece += piece;
    options.vocab.emplace_back(piece, id);
  }
  // 976 of 1024, and 512 and 64 for the rest; quadratic time would run into the deadline
  CHECK_EQ(tokens(Bpe(options), std::string(1'000'000, 'a')).size(), 978);
}

void unknown_symbols_stand_fall_back_or_vanish() {
  BpeOptions options = small();
  CHECK_EQ(tokens(Bpe(options), "axxb"), {3});  // without an unknown token what is left merges
  options.unk_token = "?";
  CHECK_EQ(tokens(Bpe(options), "ab"), {3});
  CHECK_EQ(thrown<NoTokenError>([&] { tokens(Bpe(options), "x"); }),
           "the unknown token \"?\" is not in the vocabulary");
  options.vocab.emplace_back("?", 9);
  CHECK_EQ(tokens(Bpe(options), "axxb"), {0, 9, 9, 1});
  options.fuse_unk = true;
  CHECK_EQ(tokens(Bpe(options), "axxb"), {0, 9, 1});
  options.byte_fallback = true;
  options.vocab.insert(options.vocab.end(), {{"<0xC3>", 10}, {"<0xA9>", 11}});
  CHECK_EQ(tokens(Bpe(options), "a\u00E9b"), {0, 10, 11, 1});
  CHECK_EQ(tokens(Bpe(options), "x\u00E9b"), {10, 11, 9, 1});  // the library's order
}

void symbols_carry_prefix_and_suffix() {
  BpeOptions options;
  options.vocab = {{"a", 0}, {"##b", 1}, {"##c</w>", 2}, {"ab", 3}, {"a</w>", 4}, {"abc</w>", 5}};
  options.merges = {{"a", "##b"}, {"ab", "##c</w>"}};
  options.continuing_subword_prefix = "##";
  options.end_of_word_suffix = "</w>";
  const Bpe model(options);
  CHECK_EQ(tokens(model, "a"), {4});
  CHECK_EQ(tokens(model, "abc"), {5});
  CHECK_EQ(tokens(model, "abbc"), {3, 1, 2});
}

void bytes_are_symbols() {
  BpeOptions options;
  options.byte_level = true;
  options.vocab = {{"\u0120", 0}, {"a", 1},       {"\u00C3", 2},
                   {"\u00A9", 3}, {"\u0120a", 4}, {"\u4E2D", 5}};
  options.merges = {{"\u0120", "a"}};
  CHECK_EQ(tokens(Bpe(options), " a\u00E9"), {4, 2, 3});
  CHECK_EQ(tokens(Bpe(options), "\u4E2D"), {});  // a piece outside the alphabet is never met
  options.vocab.emplace_back("\u0120aa", 7);
  CHECK_EQ(tokens(Bpe(options), " aa"), {4, 1});
  options.ignore_merges = true;
  CHECK_EQ(tokens(Bpe(options), " aa"), {7});
}

void bad_models_are_refused() {
  const auto problem = [](auto change) {
    BpeOptions options = small();
    change(options);
    return thrown<std::invalid_argument>([&] { const Bpe model(options); });
  };
  CHECK_EQ(problem([](BpeOptions& o) { o.vocab.clear(); }), "the vocabulary is empty");
  CHECK_EQ(problem([](BpeOptions& o) { o.dropout = 0; }), "nothing was thrown");
  CHECK_EQ(problem([](BpeOptions& o) { o.dropout = 0.1; }),
           "dropout is not 0: the same text would get different ids");
  CHECK_EQ(problem([](BpeOptions& o) { o.vocab.emplace_back("d", -1); }),
           "piece \"d\" has the id -1");
  CHECK_EQ(problem([](BpeOptions& o) { o.vocab.emplace_back("a", 9); }),
           "the vocabulary holds the piece \"a\" twice");
  CHECK_EQ(problem([](BpeOptions& o) { o.vocab.emplace_back("d", 0); }),
           "two pieces have the id 0");
  CHECK_EQ(problem([](BpeOptions& o) { o.vocab.emplace_back("\xFF", 9); }),
           "\"\xFF\" is not UTF-8");
  CHECK_EQ(problem([](BpeOptions& o) { o.merges.emplace_back("a", "c"); }),
           "merge 3, \"a\" with \"c\": \"ac\" is not in the vocabulary");
  CHECK_EQ(problem([](BpeOptions& o) { o.merges.emplace_back("a", ""); }),
           "merge 3, \"a\" with \"\": a half is empty");
}

void gpt2_cuts_words() {
  CHECK_EQ(cut(kGpt2, "I'll  we'LL\n\n 12a"),
           {"I", "'ll", " ", " we", "'", "LL", "\n\n", " 12", "a"});
  CHECK_EQ(cut(kGpt2, "a \t"), {"a", " \t"});
  CHECK_EQ(cut(kGpt2, "\u00E9\u0301!\u3000\u4E2D"), {"\u00E9", "\u0301!", "\u3000", "\u4E2D"});
  CHECK_EQ(words(make_byte_level(true, true), "a b"), {" a", " b"});
  CHECK_EQ(words(make_byte_level(true, false), "a b"), {" a b"});
  CHECK_EQ(make_byte_level(false, false) == nullptr, true);
}

void llama3_and_qwen_cut_words() {
  CHECK_EQ(cut(kLlama3, "(we'LL 1234\n \n  x"),
           {"(we", "'LL", " ", "123", "4", "\n \n", " ", " x"});
  CHECK_EQ(cut(kQwen2, "12...\r\n?"), {"1", "2", "...\r\n", "?"});
  CHECK_EQ(cut(kQwen2, "it'\u017Fo"), {"it", "'\u017F", "o"});
  CHECK_EQ(cut(kQwen2, "\tx\n\ty"), {"\tx", "\n", "\ty"});
}

void expressions_know_whether_they_split_at_spaces() {
  for (const std::string_view regex : {kGpt2, kLlama3, kQwen2, std::string_view("\\s+")})
    CHECK_EQ(splits_at_spaces(regex), true);
  for (const char* regex : {"\\p{N}{1,3}", "[\r\n]", "[0-9][0-9][0-9]", "a|b"})
    CHECK_EQ(splits_at_spaces(regex), false);
}

void splits_follow_their_behavior() {
  const auto split = [](const char* behavior, bool invert = false) {
    return words(make_literal_split("-", split_behavior(behavior), invert), "the-final--countdown");
  };
  CHECK_EQ(split("Removed"), {"the", "final", "countdown"});
  CHECK_EQ(split("Isolated"), {"the", "-", "final", "-", "-", "countdown"});
  CHECK_EQ(split("MergedWithPrevious"), {"the-", "final-", "-", "countdown"});
  CHECK_EQ(split("MergedWithNext"), {"the", "-final", "-", "-countdown"});
  CHECK_EQ(split("Contiguous"), {"the", "-", "final", "--", "countdown"});
  CHECK_EQ(split("Removed", true), {"-", "-", "-"});
  CHECK_EQ(split("MergedWithNext", true), {"the-", "final-", "-", "countdown"});

  CHECK_EQ(thrown<std::invalid_argument>([] { split_behavior("removed"); }),
           "a split cannot be \"removed\"");
  CHECK_EQ(
      thrown<std::invalid_argument>([] { make_literal_split("", SplitBehavior::kRemoved, false); }),
      "the pattern of a split has 0 bytes, allowed are 1 to 256");
  CHECK_EQ(thrown<std::invalid_argument>([] { cut("a|b", "a"); }),
           "the regular expression \"a|b\" is not known");
}

void small_steps_cut_words() {
  CHECK_EQ(words(make_whitespace(), " a_1.,  \u00BDx"), {"a_1", ".,", "\u00BD", "x"});
  CHECK_EQ(words(make_digits(false), "a12b"), {"a", "12", "b"});
  CHECK_EQ(words(make_digits(true), "a12b"), {"a", "1", "2", "b"});
  CHECK_EQ(words(make_punctuation(SplitBehavior::kIsolated), "a?! b"), {"a", "?", "!", " b"});
  CHECK_EQ(words(make_char_delimiter_split(U'\u2581'), "\u2581a\u2581\u2581b"), {"a", "b"});
  CHECK_EQ(words(make_fixed_length(2), "a\u00E9\u4E2D"), {"a\u00E9", "\u4E2D"});
  CHECK_EQ(thrown<std::invalid_argument>([] { make_fixed_length(0); }),
           "a fixed length must be at least 1");
}

// Says which words it is given as the first.
class Marker final : public PreTokenizer {
 public:
  void apply(std::string_view word, bool first, Words& out) const override {
    out.add((first ? "^" : "") + std::string(word));
  }
};

void only_the_first_step_of_a_sequence_is_told_where_it_is() {
  std::vector<PreTokenizerPtr> steps;
  steps.push_back(make_byte_level(false, false));  // changes nothing
  steps.push_back(std::make_unique<Marker>());
  steps.push_back(make_char_delimiter_split(U' '));
  steps.push_back(std::make_unique<Marker>());
  const PreTokenizerPtr sequence = make_pre_tokenizer_sequence(std::move(steps));
  CHECK_EQ(words(sequence, "a b"), {"^a", "b"});
  CHECK_EQ(words(sequence, " "), {"^"});
  CHECK_EQ(words(sequence, ""), {"^"});
  CHECK_EQ(make_pre_tokenizer_sequence({}) == nullptr, true);
}

}  // namespace

int main() {
  return run_all({
      {"merges go by rank then from the left", merges_go_by_rank_then_from_the_left},
      {"long words merge as short ones", long_words_merge_as_short_ones},
      {"unknown symbols stand fall back or vanish", unknown_symbols_stand_fall_back_or_vanish},
      {"symbols carry prefix and suffix", symbols_carry_prefix_and_suffix},
      {"bytes are symbols", bytes_are_symbols},
      {"bad models are refused", bad_models_are_refused},
      {"gpt2 cuts words", gpt2_cuts_words},
      {"llama3 and qwen cut words", llama3_and_qwen_cut_words},
      {"expressions know whether they split at spaces",
       expressions_know_whether_they_split_at_spaces},
      {"splits follow their behavior", splits_follow_their_behavior},
      {"small steps cut words", small_steps_cut_words},
      {"only the first step of a sequence is told where it is",
       only_the_first_step_of_a_sequence_is_told_where_it_is},
  });
}
