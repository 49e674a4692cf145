// Which pieces a text begins with: a trie over their bytes in a double array. What only one piece has left
// is kept as text, not as a chain of nodes: half of them (Aoe's MP-trie).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rerank {

class PieceTrie {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // `pieces` must rise strictly and not be empty; the number of a piece is its place among them.
  explicit PieceTrie(std::span<const std::string_view> pieces);

  // Calls found(size, piece) for every piece that `text` begins with, the shortest first.
  template <class Found>
  void for_each_prefix(std::string_view text, const Found& found) const {
    std::uint32_t node = 0;
    std::uint32_t base = nodes_[node].base;
    for (std::size_t i = 0; i < text.size();) {
      const std::uint32_t child = base ^ static_cast<unsigned char>(text[i]);
      const Node& next = nodes_[child];
      if (next.parent != node) return;
      ++i;
      node = child;
      base = next.base;
      if ((base & kTail) != 0) {
        const std::string_view tail = tail_at(base ^ kTail);
        if (text.substr(i).starts_with(tail)) found(i + tail.size(), next.piece);
        return;
      }
      if (next.piece != kNone) found(i, next.piece);
    }
  }

  std::uint32_t find(std::string_view piece) const;  // kNone if it is not one of them

 private:
  static constexpr std::uint32_t kTail = std::uint32_t{1} << 31;
  struct Node {
    std::uint32_t base = 0;  // of the children; with kTail: where the rest of the only piece is
    std::uint32_t parent = kNone;
    std::uint32_t piece = kNone;  // that ends here, or at the end of the tail
  };

  std::string_view tail_at(std::size_t begin) const {
    return {tails_.data() + begin + 1, static_cast<unsigned char>(tails_[begin])};
  }

  std::vector<Node> nodes_;
  std::string tails_;  // each with its size before it
};

}  // namespace rerank
