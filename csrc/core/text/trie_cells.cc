#include "core/text/trie_cells.h"

#include <algorithm>
#include <bit>

namespace rerank {
namespace {

// Older blocks are nearly full: looking through them costs more than the cells are worth.
constexpr std::size_t kMostOpen = 16;

constexpr std::uint64_t kOnes = ~std::uint64_t{0};
constexpr std::array<std::uint64_t, 4> kAll = {kOnes, kOnes, kOnes, kOnes};

// Bit i of the result is bit i ^ by of the argument.
std::uint64_t permuted(std::uint64_t bits, unsigned by) {
  constexpr std::array<std::uint64_t, 6> kLow = {0x5555555555555555, 0x3333333333333333,
                                                 0x0F0F0F0F0F0F0F0F, 0x00FF00FF00FF00FF,
                                                 0x0000FFFF0000FFFF, 0x00000000FFFFFFFF};
  for (unsigned i = 0; i < kLow.size(); ++i)
    if ((by >> i & 1) != 0) bits = (bits & kLow[i]) << (1U << i) | (bits >> (1U << i) & kLow[i]);
  return bits;
}

}  // namespace

std::uint32_t TrieCells::take(std::span<const std::uint8_t> bytes) {
  const auto take_from = [&](Block& block, std::uint32_t base) {
    for (const std::uint8_t byte : bytes) {
      const std::uint32_t cell = base ^ byte;
      block.free[cell >> 6] &= ~(std::uint64_t{1} << (cell & 63));
    }
    return block.first_cell | base;
  };
  for (Block& block : open_) {
    Bits bases = kAll;
    for (const std::uint8_t byte : bytes)
      for (std::size_t word = 0; word < bases.size(); ++word)
        bases[word] &= permuted(block.free[word ^ (byte >> 6)], byte & 63U);
    for (std::uint32_t word = 0; word < bases.size(); ++word)
      if (bases[word] != 0)
        return take_from(block,
                         word << 6 | static_cast<std::uint32_t>(std::countr_zero(bases[word])));
  }
  std::erase_if(open_, [](const Block& block) { return block.free == Bits{}; });
  if (open_.size() == kMostOpen) open_.erase(open_.begin());
  open_.push_back({size_, kAll});
  size_ += 256;
  return take_from(open_.back(), 0);
}

}  // namespace rerank
