// Literal tables for the Unicode functions and the small normalizers. That every code point is what
// the `tokenizers` library says it is, tools/unicode_tables.py --check and the parity tests see to.
#include "core/text/unicode.h"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/normalizers.h"
#include "core/text/utf8.h"
#include "tests/check.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;
using namespace std::string_literals;

void utf8_is_checked() {
  for (const char* valid :
       {"", "a", "\u00E9", "\uD7FF\uE000\uFFFF", "\U00010000\U0010FFFF", "sixteen letters\u0301!"})
    CHECK_EQ(is_valid_utf8(valid), true);
  for (const char* invalid :
       {"\x80", "\xC0\x80", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xEF\xBF",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "eight let\xE9"})
    CHECK_EQ(is_valid_utf8(invalid), false);
}

void properties_are_those_of_the_library() {
  CHECK_EQ(has(U'\u3000', kWhitespace), true);
  CHECK_EQ(has(U'\u200B', kWhitespace | kRegexSpace), false);
  CHECK_EQ(has(0, kBertControl), true);
  CHECK_EQ(has(U'\t', kBertControl), false);
  CHECK_EQ(has(U'\t', kBertWhitespace), true);
  CHECK_EQ(has(0x85, kBertControl), true);  // and no space, though whitespace
  CHECK_EQ(has(U'$', kBertPunctuation), true);
  CHECK_EQ(has(U'\u20AC', kBertPunctuation), false);
  CHECK_EQ(has(U'\u4E2D', kBertCjk), true);
  CHECK_EQ(has(U'\u3042', kBertCjk), false);
  CHECK_EQ(has(0x301, kNonspacingMark), true);
  CHECK_EQ(has(0x903, kNonspacingMark), false);
  CHECK_EQ(has(0x903, kMark), true);
  CHECK_EQ(has(0xB2, kNumber), true);
  CHECK_EQ(has(0x10FFFF, kLetter | kNumber | kRegexWord), false);
}

std::string lower(std::string_view text) {
  std::string out;
  make_lowercase()->apply(text, out);
  return out;
}

void lowercase_knows_no_context() {
  CHECK_EQ(lower("AZ[`az{"), "az[`az{");
  CHECK_EQ(lower("\u00C9\u03A3\u0416\U00010400"), "\u00E9\u03C3\u0436\U00010428");
  CHECK_EQ(lower("\u0130"), "i\u0307");
  CHECK_EQ(lower("\u1E9E\u4E2D\U0010FFFF"), "\u00DF\u4E2D\U0010FFFF");
}

void forms_decompose_order_and_compose() {
  CHECK_EQ(nfd("\u1E69\u00E9x"), "s\u0323\u0307e\u0301x");
  CHECK_EQ(nfd("\u0301\u0323"), "\u0323\u0301");                // marks without a base
  CHECK_EQ(nfd("a\u0301\u0300\u0323"), "a\u0323\u0301\u0300");  // one class stays in order
  CHECK_EQ(nfc("s\u0307\u0323"), "\u1E69");
  CHECK_EQ(nfc("\u1E9B\u0323"), "\u1E9B\u0323");
  CHECK_EQ(nfkc("\u1E9B\u0323"), "\u1E69");
  CHECK_EQ(nfkd("\uFB01\u00B2\u2460"), "fi21");
  CHECK_EQ(nfc("\uFB01\u212B\u0958"), "\uFB01\u00C5\u0915\u093C");  // excluded from composition
  CHECK_EQ(nfc("a\u035C\u0301"), "\u00E1\u035C");
  CHECK_EQ(nfc("o\u030D\u0301"), "o\u030D\u0301");  // blocked
  CHECK_EQ(nfc("a\u0328\u031B\u0301"), "\u0105\u031B\u0301");
  CHECK_EQ(nfkc("\uFDFA"), nfkd("\uFDFA"));  // the longest: 18 code points
  CHECK_EQ(nfc(""), "");
  CHECK_EQ(nfc("plain, then e\u0301 and \u00E9"), "plain, then \u00E9 and \u00E9");
}

void hangul_is_arithmetic() {
  CHECK_EQ(nfd("\uAC00\uAC01\uD7A3"), "\u1100\u1161\u1100\u1161\u11A8\u1112\u1175\u11C2");
  CHECK_EQ(nfc("\u1100\u1161\u1100\u1161\u11A8\u1112\u1175\u11C2"), "\uAC00\uAC01\uD7A3");
  CHECK_EQ(nfc("\uAC00\u11A8"), "\uAC01");
  CHECK_EQ(nfc("\uAC01\u11A8"), "\uAC01\u11A8");
  CHECK_EQ(nfc("\uAC00\u11A7"), "\uAC00\u11A7");  // no trailing consonant
  CHECK_EQ(nfc("\u1113\u1161\u1100\u1176"), "\u1113\u1161\u1100\u1176");
}

void many_marks_take_no_quadratic_time() {
  std::string text = "a";
  std::string ordered = "a";
  constexpr int kMarks = 500'000;
  for (int i = 0; i < kMarks; ++i) text += i % 2 == 0 ? "\u0301" : "\u0323";
  for (int i = 0; i < kMarks; ++i) ordered += i < kMarks / 2 ? "\u0323" : "\u0301";
  CHECK_EQ(nfd(text) == ordered, true);
  CHECK_EQ(nfc(text) == "\u1EA1" + ordered.substr(3), true);
}

std::vector<std::size_t> cluster_ends(std::string_view text) {
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at < text.size();) ends.push_back(at = grapheme_end(text, at));
  return ends;
}

void clusters_are_those_of_uax_29() {
  CHECK_EQ(cluster_ends("a\r\nb\n\r"), {1, 3, 4, 5, 6});
  CHECK_EQ(cluster_ends("e\u0301\u0323e\n\u0301"), {5, 6, 7, 9});
  CHECK_EQ(cluster_ends("\u1100\u1161\u11A8\uAC00\u11A8\uAC01\u1161"), {9, 15, 18, 21});
  CHECK_EQ(cluster_ends("\U0001F1E9\U0001F1EA\U0001F1EB\U0001F1F7\U0001F1E9"), {8, 16, 20});
  CHECK_EQ(cluster_ends("\u00A9\u0301\u200D\u00A9a\u200D\u00A9"), {9, 13, 15});
  CHECK_EQ(cluster_ends("\u0915\u094D\u0937\u0915\u0903\u0937"), {9, 15, 18});
  CHECK_EQ(cluster_ends("\u0915\u094D\u200C\u0937"), {9, 12});
  CHECK_EQ(cluster_ends("\u0600a\u0600\n"), {3, 5, 6});
}

// Appends, and leaves alone what is there.
std::string applied(const NormalizerPtr& step, std::string_view text) {
  std::string out = "|";
  step->apply(text, out);
  CHECK_EQ(out.front(), '|');
  return out.substr(1);
}

void small_steps() {
  CHECK_EQ(applied(make_normal_form(NormalForm::kNfkc), "\uFB01"), "fi");
  CHECK_EQ(applied(make_strip(true, true), "\u3000 a\u200B b\t\n"), "a\u200B b");
  CHECK_EQ(applied(make_strip(true, false), " a "), "a ");
  CHECK_EQ(applied(make_strip(false, true), " \u2003"), "");
  CHECK_EQ(make_strip(false, false) == nullptr, true);
  CHECK_EQ(applied(make_strip_accents(), "\u0301e\u0301\u00E9\u0903"), "e\u00E9");
  CHECK_EQ(applied(make_prepend("\u2581"), "a"), "\u2581a");
  CHECK_EQ(applied(make_prepend("\u2581"), ""), "");
  CHECK_EQ(make_prepend("") == nullptr, true);
  CHECK_EQ(applied(make_nmt(), "\0\x01\t\x0B\x7F\u0085\u200B\uFEFF\u2581a"s), "\0 \u0085   a"s);
}

void replacements() {
  CHECK_EQ(applied(make_replace("``", "\""), "``a```"), "\"a\"`");
  CHECK_EQ(applied(make_replace("aa", "a"), "aaaaa"), "aaa");
  CHECK_EQ(applied(make_regex_replace(" {2,}", "\u2581"), " a  b   "), " a\u2581b\u2581");
  CHECK_EQ(applied(make_regex_replace("\\s+", " "), "\u3000\na\u200B"), " a\u200B");
  CHECK_EQ(applied(make_regex_replace("a{2,3}", "x"), "aaaaaa aaaa a"), "xx xa a");
  CHECK_EQ(applied(make_regex_replace("[\\n\\r\\t]", ""), "a\r\n\tb"), "ab");
  CHECK_EQ(applied(make_regex_replace("[^a-z\u00E9]+", "-"), "1a\u00E9\u00C9 b"), "-a\u00E9-b");
  CHECK_EQ(applied(make_regex_replace("\\.\\.", "$"s.substr(1)), "a..b."), "ab.");
  const auto problem = [](std::string_view regex) {
    return thrown<std::invalid_argument>([&] { make_regex_replace(regex, "x"); });
  };
  for (const char* regex :
       {"a*", "a?",    "a|b",     "(a)",   "^a",          ".",   "\\d",
        "[a", "[]a]",  "a{0,2}",  "a{2",   "a{3,2}",      "a+?", "a++",
        "\\", "[z-a]", "[a-\\s]", "[\\w]", "[[:space:]]", "a+b", "a{99999999999999999999}"})
    CHECK_EQ(problem(regex),
             "the regular expression \"" + std::string(regex) + "\" is not implemented");
  CHECK_EQ(problem(""), "the pattern of Replace is empty");
  CHECK_EQ(problem("\xFF"), "the pattern of Replace is not UTF-8");
  CHECK_EQ(thrown<std::invalid_argument>([] { make_regex_replace("a", "$1"); }),
           "the content of Replace, \"$1\", may refer to a group, which is not implemented");
  CHECK_EQ(thrown<std::invalid_argument>([] { make_replace(std::string(1025, 'a'), ""); }),
           "the pattern of Replace has 1025 bytes, allowed are 1024");
}

void sequences() {
  const auto make = [](auto... steps) {
    std::vector<NormalizerPtr> made;
    (made.push_back(std::move(steps)), ...);
    return make_normalizer_sequence(std::move(made));
  };
  CHECK_EQ(make() == nullptr, true);
  CHECK_EQ(make(make_strip(false, false)) == nullptr, true);
  CHECK_EQ(applied(make(NormalizerPtr(), make_lowercase()), "A"), "a");
  CHECK_EQ(applied(make(make_normal_form(NormalForm::kNfd), make_strip_accents(), make_lowercase(),
                        make_prepend("_")),
                   "\u00C9A"),
           "_ea");
}

}  // namespace

int main() {
  return run_all({
      {"UTF-8 is checked", utf8_is_checked},
      {"properties are those of the library", properties_are_those_of_the_library},
      {"lowercase knows no context", lowercase_knows_no_context},
      {"forms decompose, order and compose", forms_decompose_order_and_compose},
      {"Hangul is arithmetic", hangul_is_arithmetic},
      {"many marks take no quadratic time", many_marks_take_no_quadratic_time},
      {"clusters are those of UAX 29", clusters_are_those_of_uax_29},
      {"small steps", small_steps},
      {"replacements", replacements},
      {"sequences", sequences},
  });
}
