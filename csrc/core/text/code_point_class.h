// Text as the regular expressions of split_patterns.cc see it: code points by class.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace rerank::split {

// The classes of code points that the expressions speak of; each has exactly one.
enum Class : unsigned {
  kUpper = 1,  // Lu, Lt
  kLower = 2,
  kCaseless = 4,  // Lm, Lo
  kL = kUpper | kLower | kCaseless,
  kN = 8,
  kS = 16,
  kM = 32,
  kSign = 64,  // P, S
  kOther = 128,
};
inline constexpr unsigned kAnyClass = kL | kN | kS | kM | kSign | kOther;

constexpr bool is_between(unsigned c, char first, char last) {
  return c >= static_cast<unsigned char>(first) && c <= static_cast<unsigned char>(last);
}

constexpr std::uint8_t class_of_ascii(unsigned c) {
  if (is_between(c, 'A', 'Z')) return kUpper;
  if (is_between(c, 'a', 'z')) return kLower;
  if (is_between(c, '0', '9')) return kN;
  if (c == ' ' || is_between(c, '\t', '\r')) return kS;
  return is_between(c, '!', '~') ? kSign : kOther;
}
inline constexpr std::array<std::uint8_t, 128> kAsciiClasses = [] {
  std::array<std::uint8_t, 128> classes = {};
  for (unsigned c = 0; c < 128; ++c) classes[c] = class_of_ascii(c);
  return classes;
}();

inline unsigned class_of(char32_t c) {
  if (has(c, kLetter)) {
    if (has(c, kRegexLower)) return kLower;
    return has(c, kRegexUpper) ? kUpper : kCaseless;
  }
  if (has(c, kNumber)) return kN;
  if (has(c, kRegexMark)) return kM;
  if (has(c, kRegexSpace)) return kS;
  return has(c, kRegexSign) ? kSign : kOther;
}

struct Char {
  unsigned kind;  // 0 at the end of the text
  std::size_t end;
};
inline Char read(std::string_view text, std::size_t at) {
  if (at >= text.size()) return {0, at};
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 128) return {kAsciiClasses[byte], at + 1};
  const CodePoint c = decode(text, at);
  return {class_of(c.value), at + c.size};
}

// The end of the run of these classes that starts at `at`.
inline std::size_t skip(std::string_view text, std::size_t at, unsigned classes) {
  for (Char c = read(text, at); (c.kind & classes) != 0; c = read(text, at)) at = c.end;
  return at;
}

}  // namespace rerank::split
