// What a Bpe looks up, made of the vocabulary and the merges of a tokenizer.json.
#include <algorithm>
#include <stdexcept>

#include "core/text/bpe.h"
#include "core/text/byte_level.h"
#include "core/text/byte_piece.h"
#include "core/text/utf8.h"

namespace rerank {
namespace {

void check_utf8(const std::string& text) {
  if (!is_valid_utf8(text)) throw std::invalid_argument("\"" + text + "\" is not UTF-8");
}

std::invalid_argument bad_merge(std::size_t rank, const std::string& left, const std::string& right,
                                const std::string& problem) {
  return std::invalid_argument("merge " + std::to_string(rank) + ", \"" + left + "\" with \"" +
                               right + "\": " + problem);
}

}  // namespace

Bpe::Bpe(const BpeOptions& options)
    : byte_level_(options.byte_level),
      fuse_unk_(options.fuse_unk),
      byte_fallback_(options.byte_fallback),
      has_unk_(options.unk_token.has_value()),
      can_cut_(options.continuing_subword_prefix.empty() && options.end_of_word_suffix.empty()),
      unk_token_(options.unk_token.value_or("")),
      prefix_(options.continuing_subword_prefix),
      suffix_(options.end_of_word_suffix) {
  if (options.vocab.empty()) throw std::invalid_argument("the vocabulary is empty");
  if (options.dropout.value_or(0) != 0)
    throw std::invalid_argument("dropout is not 0: the same text would get different ids");
  if (options.merges.size() >= PairMap::kNone)
    throw std::invalid_argument("there are too many merges");
  check_utf8(prefix_);
  check_utf8(suffix_);
  const Vocab vocab = checked(options.vocab);
  set_symbols(vocab);
  set_merges(options.merges, vocab);
  if (can_cut_) set_joints(options.merges);
  if (options.ignore_merges) set_whole_words(vocab);
}

Bpe::Vocab Bpe::checked(const std::vector<std::pair<std::string, std::int32_t>>& pieces) {
  Vocab vocab;
  vocab.reserve(pieces.size());
  std::vector<std::int32_t> sorted_ids;
  sorted_ids.reserve(pieces.size());
  for (const auto& [piece, id] : pieces) {
    check_utf8(piece);
    if (id < 0)
      throw std::invalid_argument("piece \"" + piece + "\" has the id " + std::to_string(id));
    if (!vocab.emplace(piece, id).second)
      throw std::invalid_argument("the vocabulary holds the piece \"" + piece + "\" twice");
    sorted_ids.push_back(id);
  }
  std::sort(sorted_ids.begin(), sorted_ids.end());
  const auto twice = std::adjacent_find(sorted_ids.begin(), sorted_ids.end());
  if (twice != sorted_ids.end())
    throw std::invalid_argument("two pieces have the id " + std::to_string(*twice));
  return vocab;
}

std::int32_t Bpe::id_in(const Vocab& vocab, std::string_view piece) {
  const auto found = vocab.find(piece);
  return found == vocab.end() ? kUnknown : found->second;
}

// The byte that a code point of a piece stands for, or the code point itself; -1: no text gives it.
int Bpe::symbol_value(char32_t code_point) const {
  return byte_level_ ? alphabet_to_byte(code_point) : static_cast<int>(code_point);
}

// The only symbol of a piece, between the prefix and the suffix of the place; -1 if it is no such piece.
int Bpe::only_symbol(std::string_view piece, std::size_t place) const {
  if ((place & kWithin) != 0) {
    if (!piece.starts_with(prefix_)) return -1;
    piece.remove_prefix(prefix_.size());
  }
  if ((place & kLast) != 0) {
    if (!piece.ends_with(suffix_)) return -1;
    piece.remove_suffix(suffix_.size());
  }
  if (piece.empty()) return -1;
  const CodePoint first = decode(piece, 0);
  return first.size == piece.size() ? symbol_value(first.value) : -1;
}

// The pieces that are a single symbol, and those that stand for something else.
void Bpe::set_symbols(const Vocab& vocab) {
  for (auto& ids : low_ids_) ids.fill(kUnknown);
  struct High {
    std::size_t place;
    int symbol;
    std::int32_t id;
  };
  std::vector<High> high_symbols;
  for (const auto& [piece, id] : vocab)
    for (std::size_t place = 0; place < (can_cut_ ? 1 : kNumPlaces); ++place) {
      const int symbol = only_symbol(piece, place);
      if (symbol >= 256)
        high_symbols.push_back({place, symbol, id});
      else if (symbol >= 0)
        low_ids_[place][static_cast<std::size_t>(symbol)] = id;
    }
  high_ids_ = PairMap(high_symbols.size());
  for (const auto& [place, symbol, id] : high_symbols)
    high_ids_.set(static_cast<std::int32_t>(place), symbol, {0, id});

  if (has_unk_) unk_id_ = id_in(vocab, unk_token_);
  for (std::size_t byte = 0; byte < fallback_ids_.size(); ++byte)
    fallback_ids_[byte] = id_in(vocab, byte_piece(byte));
}

void Bpe::set_merges(const Merges& merges, const Vocab& vocab) {
  merges_ = PairMap(merges.size());
  std::string joined;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string& left = merges[rank].first;
    const std::string& right = merges[rank].second;
    const auto known_id = [&](const std::string& piece) {
      const std::int32_t id = id_in(vocab, piece);
      if (id == kUnknown)
        throw bad_merge(rank, left, right, "\"" + piece + "\" is not in the vocabulary");
      return id;
    };
    // A merge that did not make a longer piece could be taken up out of turn by the library.
    if (left.empty() || right.size() <= prefix_.size())
      throw bad_merge(rank, left, right, "a half is empty");
    const std::int32_t left_id = known_id(left);
    const std::int32_t right_id = known_id(right);
    joined = left;
    joined += std::string_view(right).substr(prefix_.size());
    merges_.set(left_id, right_id, {static_cast<std::uint32_t>(rank), known_id(joined)});
  }
}

// Where the halves of a merge meet: the last symbol of the left one and the first of the right one.
void Bpe::set_joints(const Merges& merges) {
  std::vector<std::pair<std::int32_t, std::int32_t>> joints;
  const auto id_at = [&](std::string_view piece, std::size_t at) {
    const int symbol = symbol_value(decode(piece, at).value);
    return symbol < 0 ? kUnknown : symbol_id(static_cast<char32_t>(symbol), 0);
  };
  for (const auto& [left, right] : merges) {
    const std::int32_t before = id_at(left, last_code_point(left));
    const std::int32_t after = id_at(right, 0);
    if (before != kUnknown && after != kUnknown) joints.emplace_back(before, after);
  }
  std::sort(joints.begin(), joints.end());
  joints.erase(std::unique(joints.begin(), joints.end()), joints.end());
  joints_ = PairMap(joints.size());
  for (const auto& [before, after] : joints) joints_.set(before, after, {0, 0});
}

void Bpe::set_whole_words(const Vocab& vocab) {
  whole_words_.reserve(vocab.size());
  for (const auto& [piece, id] : vocab) {
    std::string word;
    std::size_t at = 0;
    while (at < piece.size()) {
      const CodePoint symbol = decode(piece, at);
      const int value = symbol_value(symbol.value);
      if (value < 0) break;  // no text gives this piece
      if (byte_level_)
        word.push_back(static_cast<char>(value));
      else
        append(word, symbol.value);
      at += symbol.size;
    }
    if (at == piece.size()) whole_words_.emplace(std::move(word), id);
  }
}

}  // namespace rerank
