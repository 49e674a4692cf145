#include "core/text/utf8.h"

#include <cstring>

namespace rerank {
namespace {

// The bytes that may follow a lead byte first (table 3-7 of The Unicode Standard).
struct Second {
  unsigned char least;
  unsigned char most;
};

Second second_after(unsigned char lead) {
  if (lead == 0xE0) return {0xA0, 0xBF};  // not overlong
  if (lead == 0xED) return {0x80, 0x9F};  // no surrogate
  if (lead == 0xF0) return {0x90, 0xBF};  // not overlong
  if (lead == 0xF4) return {0x80, 0x8F};  // not beyond U+10FFFF
  return {0x80, 0xBF};
}

std::size_t size_after(unsigned char lead) {
  if (lead < 0xC2 || lead > 0xF4) return 0;  // no lead byte
  if (lead < 0xE0) return 1;
  return lead < 0xF0 ? 2 : 3;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t at = 0; at < text.size();) {
    std::uint64_t eight = 0;
    if (text.size() - at >= sizeof eight) std::memcpy(&eight, text.data() + at, sizeof eight);
    if (text.size() - at >= sizeof eight && (eight & 0x8080808080808080) == 0) {
      at += sizeof eight;
      continue;
    }
    const unsigned char lead = byte(at++);
    if (lead < 0x80) continue;
    const std::size_t more = size_after(lead);
    if (more == 0 || text.size() - at < more) return false;
    const Second second = second_after(lead);
    if (byte(at) < second.least || byte(at) > second.most) return false;
    for (std::size_t i = 1; i < more; ++i)
      if (!is_continuation(text[at + i])) return false;
    at += more;
  }
  return true;
}

}  // namespace rerank
