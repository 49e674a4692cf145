// What the fuzz targets share: bytes taken as numbers and strings, what must hold, and a charsmap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/charsmap.h"

namespace rerank::fuzz {

using test::Charsmap;

// Ends the run, which makes the input a finding.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// What texts and pieces are made of where bytes at random would rarely be UTF-8 or meet each other.
inline constexpr std::array<std::string_view, 64> kStrings = {"a",
                                                              "b",
                                                              "c",
                                                              "ab",
                                                              "##",
                                                              "##a",
                                                              "##b",
                                                              "##ab",
                                                              " ",
                                                              "  ",
                                                              "\t",
                                                              "\n",
                                                              "\r\n",
                                                              "A",
                                                              "B",
                                                              "1",
                                                              "23",
                                                              "'s",
                                                              "'LL",
                                                              ".",
                                                              ",",
                                                              "-",
                                                              "_",
                                                              "(",
                                                              "\u2581",
                                                              "\u0120",
                                                              "\u010A",
                                                              "<0x41>",
                                                              "<0xC3>",
                                                              "<0xA9>",
                                                              "[UNK]",
                                                              "<unk>",
                                                              "</w>",
                                                              "<mask>",
                                                              "[MASK]",
                                                              "\u00E9",
                                                              "e\u0301",
                                                              "\u0301",
                                                              "\u0323",
                                                              "\u0130",
                                                              "\u017F",
                                                              "\u1E9E",
                                                              "\u03A3",
                                                              "\uFB01",
                                                              "\u00BD",
                                                              "\uFDFA",
                                                              "\u6771",
                                                              "\u3000",
                                                              "\u00A0",
                                                              "\u200D",
                                                              "\uFE0F",
                                                              "\uFFFD",
                                                              {"\0", 1},
                                                              "\u0F73",
                                                              "\uAC00",
                                                              "\u1100\u1161\u11A8",
                                                              "\u0915\u094D\u0937",
                                                              "\U0001F1E9\U0001F1EA",
                                                              "\U0001F642",
                                                              "\U0001F469\u200D\U0001F467",
                                                              "\U0001D15E",
                                                              "\U0010FFFF",
                                                              "aaaaaaaa",
                                                              "x"};

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size)
      : bytes_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() { return empty() ? 0 : static_cast<std::uint8_t>(raw(1)[0]); }
  bool flag() { return (byte() & 1) != 0; }
  std::size_t below(std::size_t count) { return byte() % count; }
  std::uint32_t word() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | byte();
    return value;
  }
  std::string_view raw(std::size_t size) {
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() { return raw(bytes_.size()); }

  // Of up to `most` strings of kStrings, or of bytes as they stand.
  std::string text(std::size_t most) {
    const std::size_t size = below(2 * most);
    if (size >= most) return std::string(raw(size - most));
    std::string made;
    for (std::size_t i = 0; i < size && !empty(); ++i) made += kStrings[below(kStrings.size())];
    return made;
  }
  std::string texts() {  // all that is left
    std::string made;
    while (!empty()) made += text(16);
    return made;
  }

 private:
  std::string_view bytes_;
};

inline const Charsmap::Rules kRules = {
    {"\uFB01", "fi"},     {"e\u0301", "\u00E9"},
    {"x", "y"},           {"xz", "never"},
    {"\t", ""},           {"\u0301", "'"},
    {"\r\n", "<nl>"},     {"\n", " "},
    {"\u3000", " "},      {"\u00BD", "1/2"},
    {"A", "a"},           {"\U0001F642", ":)"},
    {"\u1100", "\uAC00"}, {"\uFDFA", "salla allahou alayhi wasallam"}};

}  // namespace rerank::fuzz
