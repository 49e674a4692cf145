// A SentencePiece charsmap from its rules, for tests and fuzz targets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace rerank::test {

inline std::string little_endian(const std::vector<std::uint32_t>& values) {
  std::string bytes;
  for (const std::uint32_t value : values)
    for (const int shift : {0, 8, 16, 24}) bytes += static_cast<char>(value >> shift & 0xFF);
  return bytes;
}

// The trie of a charsmap, in which every node has a block of its own, and its replacements.
struct Charsmap {
  using Rules = std::vector<std::pair<std::string, std::string>>;

  std::vector<std::uint32_t> units = std::vector<std::uint32_t>(512);
  std::string replacements;

  explicit Charsmap(const Rules& rules) {
    std::map<std::string, std::uint32_t> blocks = {{"", 256}};
    units[0] = 256U << 10;
    for (const auto& [from, to] : rules) {
      std::uint32_t node = 0;
      for (std::size_t i = 0; i < from.size(); ++i) {
        const auto byte = static_cast<unsigned char>(from[i]);
        node = blocks[from.substr(0, i)] ^ byte;
        std::uint32_t& block = blocks[from.substr(0, i + 1)];
        if (block != 0) continue;
        block = static_cast<std::uint32_t>(units.size());
        units[node] = (node ^ block) << 10 | byte;
        units.resize(units.size() + 256);
      }
      units[node] |= 1U << 8;
      units[blocks[from]] = static_cast<std::uint32_t>(replacements.size()) | 1U << 31;
      replacements += to + '\0';
    }
  }

  std::string bytes() const {
    return little_endian({static_cast<std::uint32_t>(units.size() * 4)}) + little_endian(units) +
           replacements;
  }
};

}  // namespace rerank::test
