// What Unicode says of a code point, as the `tokenizers` library and the crates in it know it: the
// tables in unicode_tables.cc are generated from the library itself by tools/unicode_tables.py,
// so they have its Unicode versions, which differ from crate to crate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/text/unicode_tables.h"

namespace rerank {

// Properties, by which pre-tokenizer or normalizer asks.
enum UnicodeProperty : std::uint16_t {
  kWhitespace = 1 << 0,       // char::is_whitespace of Rust's standard library
  kBertControl = 1 << 1,      // BertNormalizer's clean_text drops it (NUL and U+FFFD included)
  kBertWhitespace = 1 << 2,   // BertNormalizer's clean_text makes it a space
  kBertPunctuation = 1 << 3,  // BertPreTokenizer and Punctuation isolate it
  kBertCjk = 1 << 4,          // BertNormalizer's handle_chinese_chars puts spaces around it
  kNonspacingMark = 1 << 5,   // BertNormalizer's strip_accents drops it (after NFD)
  kMark = 1 << 6,             // StripAccents drops it
  kLetter = 1 << 7,           // \p{L} of the regular expressions
  kNumber = 1 << 8,           // \p{N}
  kRegexSpace = 1 << 9,       // \s
  kNumeric = 1 << 10,         // char::is_numeric: Digits isolates it
  kRegexMark = 1 << 11,       // \p{M}
  kRegexWord = 1 << 12,       // \w
  kRegexUpper = 1 << 13,      // [\p{Lu}\p{Lt}]
  kRegexLower = 1 << 14,      // \p{Ll}
  kRegexSign = 1 << 15,       // [\p{P}\p{S}]
};

// Any of them? The code point must be one, as after decode() of valid UTF-8.
inline bool has(char32_t code_point, std::uint16_t properties) {
  return (unicode::record(code_point).properties & properties) != 0;
}

// \w of Rust's regex crate, which differs from Oniguruma's kRegexWord: it has the join controls and
// has not the numbers of Latin-1.
bool is_rust_word(char32_t code_point);

// One code point or two.
struct Lowercase {
  std::array<char32_t, 2> values;
  std::size_t size;

  const char32_t* begin() const { return values.data(); }
  const char32_t* end() const { return values.data() + size; }
};

// char::to_lowercase. Without a mapping: itself.
inline Lowercase lowercase(char32_t code_point) {
  if (code_point == 0x130) return {{U'i', 0x307}, 2};
  const auto delta = unicode::find(unicode::kLowercaseIndex, unicode::kLowercasePages, code_point);
  return {{code_point + static_cast<char32_t>(unicode::kLowercaseDeltas[delta]), 0}, 1};
}

// Unicode normalization forms (UAX #15). Text that is in the form already is only looked through.
enum class NormalForm : std::uint8_t { kNfd, kNfc, kNfkd, kNfkc };
void normalize(std::string_view text, NormalForm form, std::string& out);  // appends
std::string nfd(std::string_view text);
std::string nfc(std::string_view text);
std::string nfkd(std::string_view text);
std::string nfkc(std::string_view text);

// Extended grapheme clusters (UAX #29): the end of the cluster that starts at `at`, in bytes.
std::size_t grapheme_end(std::string_view text, std::size_t at);

}  // namespace rerank
