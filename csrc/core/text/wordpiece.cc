#include "core/text/wordpiece.h"

#include <algorithm>
#include <span>
#include <stdexcept>

#include "core/text/trie_cells.h"
#include "core/text/utf8.h"

namespace rerank {
namespace {

// Cells and chains of pops are counted in 32 bits; a vocabulary has fewer of both than bytes.
constexpr std::size_t kMostBytes = std::size_t{1} << 28;

using Sorted = std::vector<const WordPiece::Pieces::value_type*>;

Sorted sorted(const WordPiece::Pieces& pieces) {
  if (pieces.empty()) throw std::invalid_argument("a WordPiece vocabulary must have a piece");
  Sorted all;
  all.reserve(pieces.size());
  std::size_t num_bytes = 0;
  for (const auto& piece : pieces) {
    if (piece.second < 0)
      throw std::invalid_argument("piece '" + piece.first + "' has the id " +
                                  std::to_string(piece.second));
    if (!is_valid_utf8(piece.first))
      throw std::invalid_argument("the piece with id " + std::to_string(piece.second) +
                                  " is not UTF-8");
    num_bytes += piece.first.size();
    all.push_back(&piece);
  }
  if (num_bytes > kMostBytes)
    throw std::invalid_argument("the pieces have " + std::to_string(num_bytes) +
                                " bytes, allowed are " + std::to_string(kMostBytes));
  std::sort(all.begin(), all.end(), [](auto* a, auto* b) { return a->first < b->first; });
  const auto twice = std::adjacent_find(all.begin(), all.end(),
                                        [](auto* a, auto* b) { return a->first == b->first; });
  if (twice != all.end())
    throw std::invalid_argument("piece '" + (*twice)->first + "' occurs twice");
  return all;
}

bool is_longer(std::string_view word, std::size_t num_chars) {
  if (word.size() <= num_chars) return false;  // no code point is shorter than a byte
  const auto num_more = std::count_if(word.begin(), word.end(), is_continuation);
  return word.size() - static_cast<std::size_t>(num_more) > num_chars;
}

class NoScratch final : public TokenScratch {};

}  // namespace

// A node while the trie is built: the pieces that begin with its path stand together when sorted.
struct WordPiece::Branch {
  std::uint32_t first_piece, end_piece;
  std::uint32_t depth;  // in bytes of those pieces
  std::uint32_t parent = 0;
  std::uint32_t first_child = 0, end_child = 0;
  std::uint32_t cell = kNone;
  std::int32_t id = -1;  // of the piece that ends here
  std::uint8_t byte = 0;
};

WordPiece::WordPiece(const Pieces& pieces, const WordPieceOptions& options)
    : max_chars_(options.max_input_chars_per_word) {
  const Sorted all = sorted(pieces);
  const auto at = [&](const std::string& text) {
    return std::lower_bound(all.begin(), all.end(), text,
                            [](auto* piece, auto& key) { return piece->first < key; });
  };
  const auto number = [&](auto place) { return static_cast<std::uint32_t>(place - all.begin()); };

  const auto unk = at(options.unk_token);
  if (unk != all.end() && (*unk)->first == options.unk_token) unk_id_ = (*unk)->second;

  std::vector<Branch> branches;  // breadth first
  branches.push_back({0, number(all.end()), 0});
  const std::string& prefix = options.continuing_subword_prefix;
  if (!is_valid_utf8(prefix))
    throw std::invalid_argument("the continuing_subword_prefix is not UTF-8");
  if (!prefix.empty()) {
    const auto first = at(prefix);
    const auto end = std::partition_point(
        first, all.end(), [&](auto* piece) { return piece->first.starts_with(prefix); });
    branches.push_back({number(first), number(end), static_cast<std::uint32_t>(prefix.size())});
  }
  const std::size_t num_roots = branches.size();
  for (std::size_t i = 0; i < branches.size(); ++i) {
    Branch branch = branches[i];
    std::uint32_t piece = branch.first_piece;
    if (piece < branch.end_piece && all[piece]->first.size() == branch.depth) {
      if (i >= num_roots) branch.id = all[piece]->second;  // no match is empty
      ++piece;
    }
    branch.first_child = static_cast<std::uint32_t>(branches.size());
    while (piece < branch.end_piece) {
      Branch below{piece, piece, branch.depth + 1};
      const char byte = all[piece]->first[branch.depth];
      while (piece < branch.end_piece && all[piece]->first[branch.depth] == byte) ++piece;
      below.end_piece = piece;
      below.parent = static_cast<std::uint32_t>(i);
      below.byte = static_cast<std::uint8_t>(byte);
      branches.push_back(below);
    }
    branch.end_child = static_cast<std::uint32_t>(branches.size());
    branches[i] = branch;
  }
  continuing_root_ = static_cast<std::uint32_t>(num_roots - 1);
  place(branches);
  link(branches);
}

// Depth first, so that the rare end of a word is in one cache line.
void WordPiece::place(std::vector<Branch>& branches) {
  TrieCells cells;
  std::vector<std::uint32_t> waiting;
  std::vector<std::uint8_t> bytes;
  for (std::uint32_t root = continuing_root_ + 1; root-- > 0;) {
    bytes.push_back(static_cast<std::uint8_t>(root));
    waiting.push_back(root);
    branches[root].cell = root;
  }
  cells.take(bytes);  // the first of a new block: the roots are their own cells
  nodes_.resize(cells.size(), {0, kNone, kNone, 0});
  while (!waiting.empty()) {
    const Branch& branch = branches[waiting.back()];
    waiting.pop_back();
    if (branch.first_child == branch.end_child) continue;
    const auto children =
        std::span(branches).subspan(branch.first_child, branch.end_child - branch.first_child);
    bytes.clear();
    for (const Branch& below : children) bytes.push_back(below.byte);
    const std::uint32_t base = cells.take(bytes);
    nodes_.resize(cells.size(), {0, kNone, kNone, 0});
    nodes_[branch.cell].base = base;
    for (Branch& below : children) {
      below.cell = base ^ below.byte;
      nodes_[below.cell].parent = branch.cell;
    }
    for (std::uint32_t below = branch.end_child; below-- > branch.first_child;)
      waiting.push_back(below);
  }
  nodes_.shrink_to_fit();
}

// Where a match that cannot go on is taken up again, and the pieces it is known to begin with.
void WordPiece::link(const std::vector<Branch>& branches) {
  for (std::size_t i = continuing_root_ + 1; i < branches.size(); ++i) {
    const Branch& branch = branches[i];
    Node& node = nodes_[branch.cell];
    if (branch.id >= 0) {
      node.link = continuing_root_;
      node.pops = branch.id;
      continue;
    }
    const Node& parent = nodes_[node.parent];
    std::uint32_t from = parent.link;
    while (from != kNone && child(from, branch.byte) == kNone) from = nodes_[from].link;
    if (from == kNone) continue;
    node.link = child(from, branch.byte);
    node.pops = parent.pops;
    for (std::uint32_t on = parent.link; on != from; on = nodes_[on].link)
      node.pops = joined(node.pops, nodes_[on].pops);
  }
  pops_.shrink_to_fit();
}

WordPiece::Pops WordPiece::joined(Pops before, Pops after) {
  std::vector<std::int32_t> ids;
  emit(after, ids);
  for (const std::int32_t id : ids) {
    pops_.push_back({before, id});
    before = ~static_cast<Pops>(pops_.size() - 1);
  }
  return before;
}

inline std::uint32_t WordPiece::child(std::uint32_t node, unsigned char byte) const {
  const std::uint32_t cell = nodes_[node].base ^ byte;
  return nodes_[cell].parent == node ? cell : kNone;
}

inline void WordPiece::emit(Pops pops, std::vector<std::int32_t>& ids) const {
  const auto num_before = static_cast<std::ptrdiff_t>(ids.size());
  if (pops >= 0) return ids.push_back(pops);  // nearly always
  while (pops < 0) {
    const MorePops& more = pops_[static_cast<std::uint32_t>(~pops)];
    ids.push_back(more.id);
    pops = more.before;
  }
  ids.push_back(pops);
  std::reverse(ids.begin() + num_before, ids.end());
}

void WordPiece::unknown(std::size_t num_before, std::vector<std::int32_t>& ids) const {
  ids.resize(num_before);
  if (unk_id_ < 0) throw NoTokenError("WordPiece error: Missing [UNK] token from the vocabulary");
  ids.push_back(unk_id_);
}

void WordPiece::append(std::string_view word, std::vector<std::int32_t>& ids) const {
  const std::size_t num_before = ids.size();
  if (is_longer(word, max_chars_)) return unknown(num_before, ids);
  std::uint32_t node = kRoot;
  for (const char c : word) {
    std::uint32_t next = child(node, static_cast<unsigned char>(c));
    while (next == kNone) {
      if (nodes_[node].link == kNone) return unknown(num_before, ids);
      emit(nodes_[node].pops, ids);
      node = nodes_[node].link;
      next = child(node, static_cast<unsigned char>(c));
    }
    node = next;
  }
  for (; node != continuing_root_; node = nodes_[node].link) {
    if (nodes_[node].link == kNone) return unknown(num_before, ids);
    emit(nodes_[node].pops, ids);
  }
}

std::unique_ptr<TokenScratch> WordPiece::make_scratch() const {
  return std::make_unique<NoScratch>();
}

}  // namespace rerank
