// The ids of words seen before, by one thread: natural text repeats its words. Bounded; what comes
// later takes the place of what was there.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace rerank {

class WordCache {
 public:
  WordCache() : entries_(kNumEntries) {}

  // Empty if the word is not here.
  std::span<const std::int32_t> find(std::string_view word) const {
    if (word.size() > kMostBytes) return {};
    const Entry& entry = entries_[slot(word)];
    if (entry.num_bytes != word.size() ||
        std::memcmp(entry.bytes.data(), word.data(), word.size()) != 0)
      return {};
    return {entry.ids.data(), entry.num_ids};
  }

  // Keeps a word that is not empty, unless it or its ids are too long.
  void keep(std::string_view word, std::span<const std::int32_t> ids) {
    if (word.size() > kMostBytes || ids.size() > kMostIds) return;
    Entry& entry = entries_[slot(word)];
    entry.num_bytes = static_cast<std::uint8_t>(word.size());
    entry.num_ids = static_cast<std::uint8_t>(ids.size());
    std::copy(word.begin(), word.end(), entry.bytes.begin());
    std::copy(ids.begin(), ids.end(), entry.ids.begin());
  }

 private:
  static constexpr std::size_t kNumEntries = 1 << 14;
  static constexpr std::size_t kMostBytes = 38;
  static constexpr std::size_t kMostIds = 6;
  struct alignas(64) Entry {  // a cache line
    std::uint8_t num_bytes = 0;
    std::uint8_t num_ids = 0;
    std::array<char, kMostBytes> bytes;
    std::array<std::int32_t, kMostIds> ids;
  };

  static std::size_t slot(std::string_view word) {
    constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;  // 2^64 by the golden ratio
    const auto load = [&](std::size_t at, std::size_t size) {
      std::uint64_t bytes = 0;
      std::memcpy(&bytes, word.data() + at, size);
      return bytes;
    };
    std::uint64_t hash = word.size() * kOdd;
    std::size_t at = 0;
    for (; at + 8 < word.size(); at += 8) hash = (std::rotl(hash, 23) ^ load(at, 8)) * kOdd;
    const std::uint64_t last = word.size() >= 8 ? load(word.size() - 8, 8) : load(0, word.size());
    hash = (std::rotl(hash, 23) ^ last) * kOdd;
    return hash >> (64 - std::bit_width(kNumEntries - 1));
  }

  std::vector<Entry> entries_;
};

}  // namespace rerank
