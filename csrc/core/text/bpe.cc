#include "core/text/bpe.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>

#include "core/text/byte_level.h"
#include "core/text/utf8.h"
#include "core/text/word_cache.h"

namespace rerank {
namespace {

constexpr std::uint32_t kNone = PairMap::kNone;
constexpr std::uint32_t kEnd = std::numeric_limits<std::uint32_t>::max();

constexpr std::size_t kLongText = 24;          // bytes, from which on looking for cuts pays
constexpr std::size_t kLongWord = 48;          // symbols, from which on a heap pays
constexpr std::size_t kKeptSymbols = 1 << 16;  // a longer word gives its memory back

}  // namespace

struct Bpe::Scratch final : TokenScratch {
  WordCache cache;
  std::vector<std::int32_t> symbols;

  // For long words: the symbols as a list, for each the merge with its right neighbour, and the
  // merges in order of rank and place.
  struct Node {
    std::uint32_t previous;
    std::uint32_t next;
    PairMap::Value merge;
  };
  std::vector<Node> nodes;
  std::vector<std::uint64_t> heap;
};

std::unique_ptr<TokenScratch> Bpe::make_scratch() const { return std::make_unique<Scratch>(); }

inline CodePoint Bpe::symbol_at(std::string_view word, std::size_t at) const {
  return byte_level_ ? CodePoint{static_cast<unsigned char>(word[at]), 1} : decode(word, at);
}

std::int32_t Bpe::symbol_id(char32_t symbol, std::size_t place) const {
  if (symbol < 256) return low_ids_[place][symbol];
  return high_ids_.get(static_cast<std::int32_t>(place), static_cast<std::int32_t>(symbol)).id;
}

// A symbol that is no piece: its bytes, or the unknown token, or nothing.
void Bpe::add_unknown(char32_t symbol, std::size_t place, bool& pending,
                      std::vector<std::int32_t>& symbols) const {
  if (byte_fallback_) {
    std::string text = (place & kWithin) != 0 ? prefix_ : "";
    append(text, byte_level_ ? byte_to_alphabet(static_cast<unsigned char>(symbol)) : symbol);
    if ((place & kLast) != 0) text += suffix_;
    const auto fallback = [&](char byte) {
      return fallback_ids_[static_cast<unsigned char>(byte)];
    };
    if (std::none_of(text.begin(), text.end(),
                     [&](char byte) { return fallback(byte) == kUnknown; })) {
      for (const char byte : text) symbols.push_back(fallback(byte));
      return;
    }
  }
  if (!has_unk_) return;
  if (unk_id_ == kUnknown)
    throw NoTokenError("the unknown token \"" + unk_token_ + "\" is not in the vocabulary");
  if (pending && !fuse_unk_) symbols.push_back(unk_id_);
  pending = true;
}

// The last unknown token stays pending until a known symbol comes: behind the bytes of a symbol that
// falls back in between, as the library has it.
void Bpe::read_symbols(std::string_view word, std::vector<std::int32_t>& symbols) const {
  symbols.clear();
  bool pending = false;
  for (std::size_t at = 0; at < word.size();) {
    const CodePoint symbol = symbol_at(word, at);
    const std::size_t end = at + symbol.size;
    const std::size_t place =
        can_cut_ ? 0 : (at > 0 ? kWithin : 0u) | (end == word.size() ? kLast : 0u);
    const std::int32_t id = symbol_id(symbol.value, place);
    if (id == kUnknown) {
      add_unknown(symbol.value, place, pending, symbols);
    } else {
      if (pending) symbols.push_back(unk_id_);
      pending = false;
      symbols.push_back(id);
    }
    at = end;
  }
  if (pending) symbols.push_back(unk_id_);
}

// Few symbols: the best pair is looked for anew after every merge.
void Bpe::merge_short(std::vector<std::int32_t>& symbols) const {
  std::array<std::uint32_t, kLongWord> ranks;
  std::array<std::int32_t, kLongWord> merged;
  std::size_t size = symbols.size();
  const auto offset = [](std::size_t i) { return static_cast<std::ptrdiff_t>(i); };
  const auto look_up = [&](std::size_t i) {
    const PairMap::Value merge = merges_.get(symbols[i], symbols[i + 1]);
    ranks[i] = merge.rank;
    merged[i] = merge.id;
  };
  for (std::size_t i = 0; i + 1 < size; ++i) look_up(i);
  while (size > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < size; ++i)
      if (ranks[i] < ranks[best]) best = i;
    if (ranks[best] == kNone) break;
    symbols[best] = merged[best];
    // What stands behind the pair moves up by one, the ranks of the pairs too.
    const auto close_gap = [&](auto begin) {
      std::copy(begin + offset(best + 2), begin + offset(size), begin + offset(best + 1));
    };
    close_gap(symbols.begin());
    close_gap(ranks.begin());
    close_gap(merged.begin());
    --size;
    if (best > 0) look_up(best - 1);
    if (best + 1 < size) look_up(best);
  }
  symbols.resize(size);
}

// Many symbols: the pairs wait in a heap, and a merge brings in at most two new ones, so that the
// time is n log n.
void Bpe::merge_long(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& nodes = scratch.nodes;
  auto& heap = scratch.heap;
  const std::size_t size = symbols.size();
  if (size >= kEnd) throw std::length_error("a word has 2^32 symbols or more");
  nodes.resize(size);
  heap.clear();
  const auto look_up = [&](std::uint32_t i) {
    const std::uint32_t next = nodes[i].next;
    nodes[i].merge =
        next == kEnd ? PairMap::Value{kNone, kUnknown} : merges_.get(symbols[i], symbols[next]);
    if (nodes[i].merge.rank == kNone) return false;
    heap.push_back(std::uint64_t{nodes[i].merge.rank} << 32 | i);
    return true;
  };
  for (std::size_t i = 0; i < size; ++i) {
    const auto at = static_cast<std::uint32_t>(i);
    nodes[i].previous = i == 0 ? kEnd : at - 1;
    nodes[i].next = i + 1 == size ? kEnd : at + 1;
    look_up(at);
  }
  constexpr std::greater<> kLowestFirst;
  std::make_heap(heap.begin(), heap.end(), kLowestFirst);
  const auto push = [&](std::uint32_t i) {
    if (look_up(i)) std::push_heap(heap.begin(), heap.end(), kLowestFirst);
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), kLowestFirst);
    const std::uint64_t top = heap.back();
    heap.pop_back();
    const auto at = static_cast<std::uint32_t>(top);
    Scratch::Node& node = nodes[at];
    if (node.merge.rank != top >> 32) continue;  // one of the two was merged since
    symbols[at] = node.merge.id;
    nodes[node.next].merge.rank = kNone;
    node.next = nodes[node.next].next;
    if (node.next != kEnd) nodes[node.next].previous = at;
    push(at);
    if (node.previous != kEnd) push(node.previous);
  }
  std::size_t num_left = 0;
  for (std::uint32_t i = 0; i != kEnd; i = nodes[i].next) symbols[num_left++] = symbols[i];
  symbols.resize(num_left);
}

void Bpe::encode_cached(std::string_view word, Scratch& scratch,
                        std::vector<std::int32_t>& ids) const {
  if (const auto known = scratch.cache.find(word); !known.empty()) {
    ids.insert(ids.end(), known.begin(), known.end());
    return;
  }
  std::vector<std::int32_t>& symbols = scratch.symbols;
  read_symbols(word, symbols);
  if (symbols.size() <= kLongWord)
    merge_short(symbols);
  else
    merge_long(scratch);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
  scratch.cache.keep(word, symbols);
  if (symbols.capacity() > kKeptSymbols) {
    symbols = {};
    scratch.nodes = {};
    scratch.heap = {};
  }
}

void Bpe::tokenize(std::string_view word, TokenScratch& scratch,
                   std::vector<std::int32_t>& ids) const {
  auto& own = static_cast<Scratch&>(scratch);  // NOLINT(*-static-cast-downcast): of make_scratch
  if (!whole_words_.empty())
    if (const auto found = whole_words_.find(word); found != whole_words_.end()) {
      ids.push_back(found->second);
      return;
    }
  std::size_t begin = 0;
  if (can_cut_ && word.size() > kLongText) {
    // A long word is cut where no merge can ever join the symbols on both sides.
    std::int32_t before = kUnknown;
    for (std::size_t at = 0; at < word.size();) {
      const CodePoint symbol = symbol_at(word, at);
      const std::int32_t after = symbol_id(symbol.value, 0);
      if (before != kUnknown && after != kUnknown && !joints_.contains(before, after)) {
        encode_cached(word.substr(begin, at - begin), own, ids);
        begin = at;
      }
      before = after;
      at += symbol.size;
    }
  }
  encode_cached(word.substr(begin), own, ids);
}

}  // namespace rerank
