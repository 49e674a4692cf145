// The Unigram model: the segmentation of a word with the highest sum of scores (Kudo 2018, "Subword
// Regularization", arXiv 1804.10959), found by Viterbi's algorithm over a trie of the pieces.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/piece_trie.h"
#include "core/text/token_model.h"

namespace rerank {

class Unigram final : public TokenModel {
 public:
  using Pieces = std::vector<std::pair<std::string, double>>;  // and scores; the place is the id

  // Of pieces that are equal the last one counts. Consecutive unknown code points are one token: that of
  // its bytes, "<0x00>" to "<0xFF>", if `byte_fallback` and all are pieces, else `unk_id`.
  // Throws std::invalid_argument if there is no piece, a piece is not UTF-8, a score is not finite, or
  // `unk_id` is no piece.
  Unigram(const Pieces& pieces, std::optional<std::size_t> unk_id, bool byte_fallback);

  std::unique_ptr<TokenScratch> make_scratch() const override;
  // If the word needs the unknown token and there is none, appends nothing and throws NoTokenError.
  void tokenize(std::string_view word, TokenScratch& scratch,
                std::vector<std::int32_t>& ids) const override;

 private:
  static constexpr std::int32_t kNoId = -1;
  struct Scratch;
  struct Scored {
    double score;
    std::int32_t id;
  };

  void segment(std::string_view word, Scratch& scratch, std::vector<std::int32_t>& ids) const;
  void append_unknown(std::string_view text, std::vector<std::int32_t>& ids) const;

  std::vector<Scored> scored_;  // by number in the trie; filled while that is built
  PieceTrie trie_;
  std::int32_t unk_id_ = kNoId;
  double unk_score_;
  std::array<std::int32_t, 256> byte_ids_;  // all kNoId without byte_fallback
};

}  // namespace rerank
