// Code points in and out of UTF-8. Text is valid UTF-8 everywhere in this room: the border to Python
// sees to that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rerank {

struct CodePoint {
  char32_t value;
  std::size_t size;  // in bytes
};

// The code point that starts at `at`, which must be below text.size().
inline CodePoint decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at + i]));
  };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (lead < 0xF0) return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F),
          4};
}

inline void append(std::string& text, char32_t value) {
  const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xC0 | value >> 6);
    put(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    put(0xE0 | value >> 12);
    put(0x80 | (value >> 6 & 0x3F));
    put(0x80 | (value & 0x3F));
  } else {
    put(0xF0 | value >> 18);
    put(0x80 | (value >> 12 & 0x3F));
    put(0x80 | (value >> 6 & 0x3F));
    put(0x80 | (value & 0x3F));
  }
}

inline bool is_ascii(char byte) { return static_cast<signed char>(byte) >= 0; }

// Of the bytes of a code point, any but the first.
inline bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// Where the last code point of a text starts that is not empty.
inline std::size_t last_code_point(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (is_continuation(text[at])) --at;
  return at;
}

// False for overlong forms, surrogates, values beyond U+10FFFF and cut sequences.
bool is_valid_utf8(std::string_view text);

}  // namespace rerank
