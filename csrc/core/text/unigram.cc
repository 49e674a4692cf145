#include "core/text/unigram.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>
#include <stdexcept>

#include "core/text/byte_piece.h"
#include "core/text/utf8.h"
#include "core/text/word_cache.h"

namespace rerank {
namespace {

constexpr double kUnkPenalty = 10;  // below the lowest score of a piece
// A number in the trie fits 32 bits, and an id 31.
constexpr std::size_t kMostBytes = std::size_t{1} << 28;
// What a thread keeps for its next word; the pieces of hostile text can overlap for megabytes.
constexpr std::size_t kMostSteps = std::size_t{1} << 16;

struct Place {
  std::uint64_t head;  // the first bytes: they decide nearly every comparison
  std::size_t id;
};

// The ids of the pieces that are not empty, in the order of their bytes; equal pieces by id.
std::vector<Place> sorted(const Unigram::Pieces& pieces) {
  std::vector<Place> places;
  places.reserve(pieces.size());
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const std::string& piece = pieces[id].first;
    if (piece.empty()) continue;  // never found in a text
    std::uint64_t head = 0;
    for (std::size_t i = 0; i < sizeof head; ++i)
      head = head << 8 | (i < piece.size() ? static_cast<unsigned char>(piece[i]) : 0U);
    places.push_back({head, id});
  }
  std::sort(places.begin(), places.end(), [&](const Place& a, const Place& b) {
    if (a.head != b.head) return a.head < b.head;
    const int order = pieces[a.id].first.compare(pieces[b.id].first);
    return order != 0 ? order < 0 : a.id < b.id;
  });
  return places;
}

void check(const Unigram::Pieces& pieces, std::optional<std::size_t> unk_id) {
  if (pieces.empty()) throw std::invalid_argument("a Unigram vocabulary must have a piece");
  std::size_t num_bytes = 0;
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const auto& [piece, score] = pieces[id];
    if (!is_valid_utf8(piece))
      throw std::invalid_argument("the piece with id " + std::to_string(id) + " is not UTF-8");
    if (!std::isfinite(score))
      throw std::invalid_argument("the score of the piece with id " + std::to_string(id) +
                                  " is not finite");
    num_bytes += piece.size() + 1;
  }
  if (num_bytes > kMostBytes)
    throw std::invalid_argument("the pieces have " + std::to_string(num_bytes) +
                                " bytes, allowed are " + std::to_string(kMostBytes));
  if (unk_id && *unk_id >= pieces.size())
    throw std::invalid_argument("unk_id is " + std::to_string(*unk_id) + ", but there are only " +
                                std::to_string(pieces.size()) + " pieces");
}

// The last piece of the best path to an end.
struct Step {
  double score = 0;  // of the path
  std::int32_t id = 0;
  std::uint32_t size = 0;  // in bytes; 0: no path ends here yet
};

}  // namespace

struct Unigram::Scratch final : TokenScratch {
  WordCache cache;
  std::vector<Step> best;  // by end
  std::vector<Step> path;
};

Unigram::Unigram(const Pieces& pieces, std::optional<std::size_t> unk_id, bool byte_fallback)
    : trie_([&] {
        check(pieces, unk_id);
        std::vector<std::string_view> keys;
        keys.reserve(pieces.size());
        scored_.reserve(pieces.size());
        for (const auto& [head, id] : sorted(pieces)) {
          const auto& [piece, score] = pieces[id];
          const Scored scored = {score, static_cast<std::int32_t>(id)};
          if (!keys.empty() && keys.back() == piece) {
            scored_.back() = scored;
          } else {
            keys.push_back(piece);
            scored_.push_back(scored);
          }
        }
        return PieceTrie(keys);
      }()) {
  double lowest = pieces[0].second;
  for (const auto& piece : pieces) lowest = std::min(lowest, piece.second);
  unk_score_ = lowest - kUnkPenalty;
  if (unk_id) unk_id_ = static_cast<std::int32_t>(*unk_id);
  byte_ids_.fill(kNoId);
  for (unsigned byte = 0; byte_fallback && byte < 256; ++byte)
    if (const std::uint32_t found = trie_.find(byte_piece(byte)); found != PieceTrie::kNone)
      byte_ids_[byte] = scored_[found].id;
}

std::unique_ptr<TokenScratch> Unigram::make_scratch() const { return std::make_unique<Scratch>(); }

void Unigram::tokenize(std::string_view word, TokenScratch& scratch,
                       std::vector<std::int32_t>& ids) const {
  auto& own = static_cast<Scratch&>(scratch);  // NOLINT(*-static-cast-downcast): of make_scratch
  if (const auto known = own.cache.find(word); !known.empty()) {
    ids.insert(ids.end(), known.begin(), known.end());
    return;
  }
  const std::size_t num_before = ids.size();
  segment(word, own, ids);
  own.cache.keep(word, std::span(ids).subspan(num_before));
}

void Unigram::append_unknown(std::string_view text, std::vector<std::int32_t>& ids) const {
  if (text.empty()) return;
  const auto byte_id = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
  if (const std::uint32_t found = trie_.find(text); found != PieceTrie::kNone)
    ids.push_back(scored_[found].id);  // a piece that scores below its unknown code points
  else if (std::all_of(text.begin(), text.end(), [&](char c) { return byte_id(c) != kNoId; }))
    std::transform(text.begin(), text.end(), std::back_inserter(ids), byte_id);
  else
    ids.push_back(unk_id_);
}

// One pass over the word. Where no piece reaches across, the path up to there is settled: it is
// written out, and memory follows the pieces, not the word. Scores go on from there, so that they are
// rounded as in one sum.
void Unigram::segment(std::string_view word, Scratch& scratch,
                      std::vector<std::int32_t>& ids) const {
  const std::size_t num_before = ids.size();
  std::vector<Step>& best = scratch.best;
  std::vector<Step>& path = scratch.path;
  std::size_t settled = 0;
  std::size_t reach = 0;          // end of the piece that ends last
  std::size_t unknown_begin = 0;  // of the unknown text that stands before `settled`; may be empty

  const auto settle = [&](std::size_t to) {
    path.clear();
    for (std::size_t end = to; end > settled; end -= path.back().size)
      path.push_back(best[end - settled]);
    std::size_t begin = settled;
    for (; !path.empty(); path.pop_back()) {
      const auto& [score, id, size] = path.back();
      if (id != unk_id_) {
        append_unknown(word.substr(unknown_begin, begin - unknown_begin), ids);
        ids.push_back(id);
        unknown_begin = begin + size;
      }
      begin += size;
    }
    settled = to;
  };
  const auto offer = [&](std::size_t end, double score, std::int32_t id, std::size_t size) {
    if (end > reach) {
      reach = end;
      best.resize(reach - settled + 1);
    }
    Step& step = best[end - settled];
    if (step.size != 0 && !(score > step.score)) return;  // of equals the longest piece stays
    if (id == kNoId) {
      ids.resize(num_before);
      throw NoTokenError("Encountered an unknown token but `unk_id` is missing");
    }
    step = {score, id, static_cast<std::uint32_t>(size)};
  };

  best.assign(1, {});
  for (std::size_t begin = 0; begin < word.size();) {
    const double score = best[begin - settled].score;
    if (begin == reach) {
      settle(begin);
      best.assign(1, {score});
    }
    const std::size_t next = begin + decode(word, begin).size;
    bool is_known = false;  // the code point, as a piece
    trie_.for_each_prefix(word.substr(begin), [&](std::size_t size, std::uint32_t number) {
      const Scored& piece = scored_[number];
      offer(begin + size, score + piece.score, piece.id, size);
      is_known |= begin + size == next;
    });
    if (!is_known) offer(next, score + unk_score_, unk_id_, next - begin);
    begin = next;
  }
  settle(word.size());
  append_unknown(word.substr(unknown_begin), ids);
  for (std::vector<Step>* steps : {&best, &path})
    if (steps->capacity() > kMostSteps) std::vector<Step>().swap(*steps);
}

}  // namespace rerank
