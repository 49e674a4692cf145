#include "core/text/piece_trie.h"

#include "core/text/trie_cells.h"

namespace rerank {
namespace {

constexpr std::size_t kMostTailBytes = 255;

// A node and the pieces that begin with the path to it: they stand together.
struct Branch {
  std::size_t first, end;
  std::size_t depth;  // in bytes
  std::uint32_t cell;
};

}  // namespace

PieceTrie::PieceTrie(std::span<const std::string_view> pieces) : tails_(1, '\0') {
  TrieCells cells;
  std::vector<std::uint8_t> bytes = {0};
  std::vector<std::size_t> firsts;  // of the children
  std::vector<Branch> waiting = {{0, pieces.size(), 0, cells.take(bytes)}};
  nodes_.resize(cells.size());
  if (pieces.empty()) return;
  while (!waiting.empty()) {
    Branch branch = waiting.back();
    waiting.pop_back();
    const std::string_view rest = pieces[branch.first].substr(branch.depth);
    if (branch.end - branch.first == 1 && branch.depth > 0 && rest.size() <= kMostTailBytes) {
      Node& node = nodes_[branch.cell];
      node.piece = static_cast<std::uint32_t>(branch.first);
      node.base = kTail;  // the empty tail
      if (rest.empty()) continue;
      node.base |= static_cast<std::uint32_t>(tails_.size());
      tails_ += static_cast<char>(rest.size());
      tails_ += rest;
      continue;
    }
    if (rest.empty()) nodes_[branch.cell].piece = static_cast<std::uint32_t>(branch.first++);

    bytes.clear();
    firsts.clear();
    for (std::size_t i = branch.first; i < branch.end; ++i) {
      const auto byte = static_cast<std::uint8_t>(pieces[i][branch.depth]);
      if (!bytes.empty() && byte == bytes.back()) continue;
      bytes.push_back(byte);
      firsts.push_back(i);
    }
    const std::uint32_t base = cells.take(bytes);
    nodes_.resize(cells.size());
    nodes_[branch.cell].base = base;
    std::size_t end = branch.end;
    for (std::size_t i = bytes.size(); i-- > 0; end = firsts[i]) {
      nodes_[base ^ bytes[i]].parent = branch.cell;
      waiting.push_back({firsts[i], end, branch.depth + 1, base ^ bytes[i]});
    }
  }
  nodes_.shrink_to_fit();
  tails_.shrink_to_fit();
}

std::uint32_t PieceTrie::find(std::string_view piece) const {
  std::uint32_t found = kNone;
  for_each_prefix(piece, [&](std::size_t size, std::uint32_t number) {
    if (size == piece.size()) found = number;
  });
  return found;
}

}  // namespace rerank
