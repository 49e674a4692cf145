// Where the nodes of a static trie over bytes stand in an array (a double array: Aoe 1989): the child of
// a node by a byte is the cell `base ^ byte`, so that a step is one load and one comparison.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rerank {

// Hands out cells in blocks of 256, which no `base ^ byte` leaves. Nodes may share a base: a cell must
// know its parent.
class TrieCells {
 public:
  // Takes the cell `base ^ byte` for each of the bytes, which differ, and returns the base.
  std::uint32_t take(std::span<const std::uint8_t> bytes);
  std::size_t size() const { return size_; }  // every cell handed out is below it

 private:
  using Bits = std::array<std::uint64_t, 4>;
  struct Block {
    std::uint32_t first_cell;
    Bits free;
  };
  std::vector<Block> open_;
  std::uint32_t size_ = 0;
};

}  // namespace rerank
