#include "core/text/base64.h"

#include <array>
#include <cstdint>
#include <stdexcept>

namespace rerank {
namespace {

constexpr std::uint32_t kNoDigit = 64;

constexpr std::array<std::uint8_t, 256> kDigits = [] {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  return digits;
}();

}  // namespace

std::string decode_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    throw std::invalid_argument("base64 comes in fours, not in " + std::to_string(text.size()) +
                                " characters");
  std::size_t num_digits = text.size();  // two at most are pads
  while (num_digits > 0 && text.size() - num_digits < 2 && text[num_digits - 1] == '=')
    --num_digits;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint32_t digit = i < num_digits ? kDigits[static_cast<unsigned char>(text[i])] : 0;
    if (digit == kNoDigit)
      throw std::invalid_argument("base64 has no digit at " + std::to_string(i));
    bits = bits << 6 | digit;
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) bytes.push_back(static_cast<char>(bits >> shift & 0xFF));
    bits = 0;
  }
  for (std::size_t i = num_digits; i < text.size(); ++i) {
    if (bytes.back() != 0)
      throw std::invalid_argument("the last digit of the base64 has bits to spare");
    bytes.pop_back();
  }
  return bytes;
}

}  // namespace rerank
