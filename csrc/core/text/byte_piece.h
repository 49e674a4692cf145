// The pieces "<0x00>" to "<0xFF>", by which byte_fallback spells what is no piece itself.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rerank {

inline std::string byte_piece(std::size_t byte) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  return {'<', '0', 'x', kHex[byte / 16], kHex[byte % 16], '>'};
}

}  // namespace rerank
