// White space (char::is_whitespace of Rust): what is left when it is trimmed, or when a text is cut at
// it, which is the WhitespaceSplit pre-tokenizer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/text/pre_tokenizer.h"
#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace rerank {

std::string_view trim_start(std::string_view text);
std::string_view trim_end(std::string_view text);

// Cuts at white space, which is removed.
PreTokenizerPtr make_whitespace_split();

// Calls `use` with the words that white space leaves, from left to right.
template <class Use>
void for_each_word(std::string_view text, const Use& use) {
  enum Kind : std::uint8_t { kNone, kSpace, kMaybe };
  static constexpr std::array<Kind, 256> kKinds = [] {  // by the first byte of a code point
    std::array<Kind, 256> kinds{};
    for (const unsigned byte : {0x09U, 0x0AU, 0x0BU, 0x0CU, 0x0DU, 0x20U}) kinds[byte] = kSpace;
    for (unsigned byte = 0xC2; byte < 0xF5; ++byte) kinds[byte] = kMaybe;
    return kinds;
  }();
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Kind kind = kKinds[static_cast<unsigned char>(text[at])];
    if (kind == kNone) {
      ++at;
      continue;
    }
    const CodePoint c = decode(text, at);
    if (kind == kSpace || has(c.value, kWhitespace)) {
      if (at > begin) use(text.substr(begin, at - begin));
      begin = at + c.size;
    }
    at += c.size;
  }
  if (begin < text.size()) use(text.substr(begin));
}

}  // namespace rerank
