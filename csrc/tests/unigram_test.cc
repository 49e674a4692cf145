// The way of SentencePiece's texts to ids: charsmap, spaces, and the best segmentation.
#include "core/text/unigram.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/base64.h"
#include "core/text/json_number.h"
#include "core/text/metaspace.h"
#include "core/text/precompiled.h"
#include "core/text/utf8.h"
#include "core/text/whitespace.h"
#include "tests/charsmap.h"
#include "tests/check.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;

using Strings = std::vector<std::string>;
using Pieces = Unigram::Pieces;

Ids ids_of(const Unigram& model, std::string_view word) {
  const auto scratch = model.make_scratch();
  Ids ids = {-5};  // ids are appended
  model.tokenize(word, *scratch, ids);
  const Ids once(ids.begin() + 1, ids.end());
  model.tokenize(word, *scratch, ids);  // now perhaps from the cache
  Ids twice = {-5};
  for (int i = 0; i < 2; ++i) twice.insert(twice.end(), once.begin(), once.end());
  CHECK_EQ(ids, twice);
  return once;
}

Strings words_of(const PreTokenizer& pre_tokenizer, std::string_view text, bool first = true) {
  Words words;
  pre_tokenizer.apply(text, first, words);
  Strings all;
  for (std::size_t i = 0; i < words.size(); ++i) all.emplace_back(words[i]);
  return all;
}

std::string normalized(const Normalizer& normalizer, std::string_view text) {
  std::string out = "<";
  normalizer.apply(text, out);
  return out.substr(1);
}

void the_best_sum_wins() {
  const Unigram model({{"<unk>", 0},
                       {"a", 0},
                       {"b", 0},
                       {"c", 0},
                       {"d", 0},
                       {"cd", 1},
                       {"ab", 2},
                       {"abc", 5},
                       {"abcd", 10}},
                      0, false);
  CHECK_EQ(ids_of(model, "abcdacdxx"), {8, 1, 5, 0});
  CHECK_EQ(ids_of(model, "abd"), {6, 4});
  CHECK_EQ(ids_of(model, "abcabcab"), {7, 7, 6});
}

void of_equals_the_longest_first_piece_wins() {
  const Unigram model({{"?", -9}, {"a", -1}, {"aa", -2}, {"aaaa", -4}}, 0, false);
  CHECK_EQ(ids_of(model, "aa"), {2});
  CHECK_EQ(ids_of(model, "aaa"), {1, 2});
  CHECK_EQ(ids_of(model, "aaaaa"), {1, 3});
}

void of_equal_pieces_the_last_counts() {
  const Unigram model({{"a", -9}, {"b", -1}, {"ab", -5}, {"a", -1}, {"", -90}}, 1, false);
  CHECK_EQ(ids_of(model, "a"), {3});
  CHECK_EQ(ids_of(model, "ab"), {3, 1});
}

void unknown_text_is_one_token() {
  const Pieces pieces = {{"<unk>", -4}, {"a", -1}, {"\u00E9", -1}, {"<0xC3>", -2}, {"<0xB6>", -2}};
  const Unigram plain(pieces, 0, false);
  CHECK_EQ(ids_of(plain, "xyz"), {0});
  CHECK_EQ(ids_of(plain, "xaxxa\u00E9\u65E5\U0001F600"), {0, 1, 0, 1, 2, 0});
  CHECK_EQ(ids_of(plain, "x<unk>x"), {0});
  CHECK_EQ(ids_of(plain, "a<unk>a"), {1, 0, 1});
  const Unigram bytes(pieces, 0, true);
  CHECK_EQ(ids_of(bytes, "a\u00F6a"), {1, 3, 4, 1});
  CHECK_EQ(ids_of(bytes, "\u00F6\u00F6"), {3, 4, 3, 4});
  CHECK_EQ(ids_of(bytes, "a\u00F6\u00FC"), {1, 0});  // one byte is no piece: none is used
  // Cheaper than two unknown code points, a piece still is what their text is called.
  CHECK_EQ(ids_of(Unigram({{"?", 30}, {"xy", 30}, {"a", 30}}, 0, true), "axya"), {2, 1, 2});

  const Unigram none(pieces, std::nullopt, true);
  const auto scratch = none.make_scratch();
  Ids ids = {7};
  CHECK_EQ(thrown<NoTokenError>([&] { none.tokenize("aab", *scratch, ids); }),
           "Encountered an unknown token but `unk_id` is missing");
  CHECK_EQ(ids, {7});
  CHECK_EQ(ids_of(Unigram({{"a", -1}, {"ab", -1}}, std::nullopt, false), "aab"), {0, 1});
}

void long_pieces_and_long_words() {
  const std::string longest(1000, 'a');
  const Unigram model({{"?", -9},
                       {"a", -5},
                       {longest, -1},
                       {longest + "b", -1},
                       {longest.substr(1) + "c", -1},
                       {std::string("\0z", 2), -1}},
                      0, false);
  CHECK_EQ(ids_of(model, longest + longest + "b"), {2, 3});
  CHECK_EQ(ids_of(model, longest + "c"), {1, 4});
  CHECK_EQ(ids_of(model, std::string("a\0z\0", 4)), {1, 5, 0});
  const Unigram small({{"?", -9}, {"a", -5}, {"ab", -1}, {"ba", -1}}, 0, false);
  std::string word;
  for (int i = 0; i < 500'000; ++i) word += "ab";  // no place where no piece reaches across
  CHECK_EQ(ids_of(small, word).size(), 500'000);
  CHECK_EQ(ids_of(small, std::string(1'000'000, 'a')).size(), 1'000'000);
  CHECK_EQ(ids_of(small, std::string(1'000'000, 'x')), {0});
}

void broken_vocabularies_are_refused() {
  const auto problem = [](const Pieces& pieces, std::optional<std::size_t> unk_id) {
    return thrown<std::invalid_argument>([&] { Unigram(pieces, unk_id, false); });
  };
  CHECK_EQ(problem({{"a", 0}}, 0), "nothing was thrown");
  CHECK_EQ(problem({{"", 0}}, 0), "nothing was thrown");
  CHECK_EQ(problem({}, std::nullopt), "a Unigram vocabulary must have a piece");
  CHECK_EQ(problem({{"a", 0}}, 1), "unk_id is 1, but there are only 1 pieces");
  CHECK_EQ(problem({{"a", 0}, {"\xC3", 0}}, 0), "the piece with id 1 is not UTF-8");
  CHECK_EQ(problem({{"a", json_number("1e308") * 10}}, 0),
           "the score of the piece with id 0 is not finite");
}

void spaces_are_made_visible() {
  using enum PrependScheme;
  const auto always = make_metaspace({});
  CHECK_EQ(words_of(*always, "Hey friend!"), {"\u2581Hey", "\u2581friend!"});
  CHECK_EQ(words_of(*always, " a  b "), {"\u2581a", "\u2581", "\u2581b", "\u2581"});
  CHECK_EQ(words_of(*always, "\u2581a\u2581\u2581b\u2580"), {"\u2581a", "\u2581", "\u2581b\u2580"});
  CHECK_EQ(words_of(*always, ""), {});
  const auto never = make_metaspace({U'_', kNever, true});
  CHECK_EQ(words_of(*never, "a b_c"), {"a", "_b", "_c"});
  const auto first = make_metaspace({U'_', kFirst, false});
  CHECK_EQ(words_of(*first, "a b"), {"_a_b"});
  CHECK_EQ(words_of(*first, "a b", false), {"a_b"});
  CHECK_EQ(words_of(*make_metaspace({U' ', kAlways, true}), "a b"), {" a", " b"});
  CHECK_EQ(thrown<std::invalid_argument>([] { make_metaspace({0xD800, kNever, true}); }),
           "the replacement of Metaspace is no code point");
}

void white_space_is_removed() {
  const std::string text = "\t a\u00A0b\u3000\u2028\u2581c\u2581d\u200B\x1F\n";
  CHECK_EQ(words_of(*make_whitespace_split(), text), {"a", "b", "\u2581c\u2581d\u200B\x1F"});
  CHECK_EQ(words_of(*make_whitespace_metaspace({}), text),
           {"\u2581a", "\u2581b", "\u2581c", "\u2581d\u200B\x1F"});
  CHECK_EQ(words_of(*make_whitespace_split(), " \n"), {});
  CHECK_EQ(words_of(*make_whitespace_metaspace({}), " \n"), {});
  CHECK_EQ(thrown<std::invalid_argument>(
               [] { make_whitespace_metaspace({U'_', PrependScheme::kFirst, true}); }),
           "WhitespaceSplit and Metaspace with prepend_scheme first");
}

std::string some_rules() {
  return Charsmap({{"\uFB01", "fi"},
                   {"e\u0301", "\u00E9"},
                   {"x", "y"},
                   {"xz", "never"},
                   {"\u0007", ""},
                   {"\u0301", "'"},
                   {"\r\n", "<nl>"},
                   {"\n", " "}})
      .bytes();
}

void clusters_are_replaced() {
  const auto rules = make_precompiled(some_rules());
  const auto check = [&](std::string_view text, std::string_view expected) {
    CHECK_EQ(normalized(*rules, text), std::string(expected));
  };
  check("", "");
  check("plain \u65E5\u672C", "plain \u65E5\u672C");
  check("o\uFB01xz\u0007.", "ofiyz.");
  check("ae\u0301", "a\u00E9");
  check("e\u0301\u0302", "\u00E9");  // the shortest rule that it begins with stands for all 5 bytes
  check("e\u0302\u0301", "e\u0302'");
  check("e\u0301\u0302\u0302", "e'\u0302\u0302");  // 7 bytes: code point by code point
  check("x\u0302\U0001F600\u0301", "y\U0001F600'");
  check("a\r\nb\r\n\n\r", "a<nl>b<nl> \r");
  check("\u1100\u1161x\u0301", "\u1100\u1161y");
  check(std::string_view("\0x\0", 3), std::string_view("\0y\0", 3));
}

void charsmaps_that_touch_ascii_words_are_known() {
  const auto keeps = [](const Charsmap::Rules& rules) {
    return keeps_ascii_words(*make_precompiled(Charsmap(rules).bytes()));
  };
  CHECK_EQ(keeps({{"\u00A0", " "}, {"\uFB01", "fi"}}), true);
  CHECK_EQ(keeps({{"x", "y"}}), false);
  CHECK_EQ(keeps({{" ", ""}}), false);
}

void hostile_charsmaps_do_no_harm() {
  const auto problem = [](std::string_view bytes) {
    return thrown<std::invalid_argument>([&] { make_precompiled(bytes); });
  };
  const std::string good = Charsmap(Charsmap::Rules{{"a", "b"}}).bytes();
  CHECK_EQ(problem(good), "nothing was thrown");
  CHECK_EQ(problem(std::string_view(good).substr(0, good.size() - 1)), "nothing was thrown");
  CHECK_EQ(problem(""), "the charsmap has no size");
  CHECK_EQ(problem(std::string(4, '\0') + "a"), "the charsmap has no trie");
  CHECK_EQ(problem(std::string_view(good).substr(0, 1000)),
           "the trie of the charsmap has 3072 bytes, but only 996 follow");
  CHECK_EQ(problem(good + "\xFF"), "the replacements of the charsmap are not UTF-8");
  CHECK_EQ(normalized(*make_precompiled(little_endian({4, 0xFFFFFFFF})), "a\u00E9"), "a\u00E9");
  const auto endless = make_precompiled(
      little_endian({4 * 256}) + little_endian(std::vector<std::uint32_t>(256, 'a' << 10 | 'a')));
  CHECK_EQ(normalized(*endless, "aaaaaaaa"), "aaaaaaaa");

  std::mt19937 random(4);  // NOLINT(*-random-generator-seed): the same every time
  const std::string whole = some_rules();
  std::vector<std::size_t> used;  // bytes of the trie that are not 0, and the replacements
  for (std::size_t i = 4; i < whole.size(); ++i)
    if (whole[i] != 0 || i + 40 > whole.size()) used.push_back(i);
  for (int i = 0; i < 300; ++i) {
    std::string bytes = whole;
    for (int k = 0; k < 3; ++k)
      bytes[used[random() % used.size()]] = static_cast<char>(random() % (k == 0 ? 256 : 128));
    thrown<std::invalid_argument>([&] {
      const std::string text = "ax\uFB01e\u0301\r\n\u0007xz\u0301\u0302";
      CHECK_EQ(is_valid_utf8(normalized(*make_precompiled(bytes), text)), true);
    });
  }
}

void long_clusters_take_linear_time() {
  const auto rules = make_precompiled(some_rules());
  std::string text = "e";
  for (int i = 0; i < 500'000; ++i) text += "\u0302";
  CHECK_EQ(normalized(*rules, text) == text, true);
}

void base64_is_strict() {
  CHECK_EQ(decode_base64(""), "");
  CHECK_EQ(decode_base64("AAEC/f7/"), std::string("\0\1\2\xFD\xFE\xFF", 6));
  CHECK_EQ(decode_base64("YQ=="), "a");
  CHECK_EQ(decode_base64("YWI="), "ab");
  const auto problem = [](std::string_view text) {
    return thrown<std::invalid_argument>([&] { decode_base64(text); });
  };
  CHECK_EQ(problem("YQ"), "base64 comes in fours, not in 2 characters");
  CHECK_EQ(problem("YW=I"), "base64 has no digit at 2");
  CHECK_EQ(problem("===="), "base64 has no digit at 0");
  CHECK_EQ(problem("YQ==YQ=="), "base64 has no digit at 2");
  CHECK_EQ(problem("YR=="), "the last digit of the base64 has bits to spare");
}

void numbers_are_those_of_serde_json() {
  CHECK_EQ(json_number("0"), 0.0);
  CHECK_EQ(json_number("-12.5e1"), -125.0);
  CHECK_EQ(json_number("-15.774467468261719"), -15.77446746826172);  // the nearest is ...719
  CHECK_EQ(json_number("18446744073709551616.5"), 18446744073709551616.0);
  CHECK_EQ(json_number("1e-400"), 0.0);
  CHECK_EQ(json_number("0e999999999999999999999"), 0.0);
  const auto problem = [](std::string_view text) {
    return thrown<std::invalid_argument>([&] { json_number(text); });
  };
  for (const char* text : {"", "-", "01", "1.", ".5", "+1", "1e", "1e+", "1 ", "NaN"})
    CHECK_EQ(problem(text), "'" + std::string(text) + "' is not a JSON number");
  CHECK_EQ(problem("-1e309"), "'-1e309' is beyond the doubles");
}

}  // namespace

int main() {
  return run_all({
      {"the best sum wins", the_best_sum_wins},
      {"of equals the longest first piece wins", of_equals_the_longest_first_piece_wins},
      {"of equal pieces the last counts", of_equal_pieces_the_last_counts},
      {"unknown text is one token", unknown_text_is_one_token},
      {"long pieces and long words", long_pieces_and_long_words},
      {"broken vocabularies are refused", broken_vocabularies_are_refused},
      {"spaces are made visible", spaces_are_made_visible},
      {"white space is removed", white_space_is_removed},
      {"clusters are replaced", clusters_are_replaced},
      {"charsmaps that touch ASCII words are known", charsmaps_that_touch_ascii_words_are_known},
      {"hostile charsmaps do no harm", hostile_charsmaps_do_no_harm},
      {"long clusters take linear time", long_clusters_take_linear_time},
      {"base64 is strict", base64_is_strict},
      {"numbers are those of serde_json", numbers_are_those_of_serde_json},
  });
}
