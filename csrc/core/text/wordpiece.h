// The WordPiece model: a word is cut greedily into the longest pieces of the vocabulary, in time linear in
// its length (LinMaxMatch: Song et al. 2021, "Fast WordPiece Tokenization", arXiv 2012.15524).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/token_model.h"

namespace rerank {

struct WordPieceOptions {
  std::string unk_token = "[UNK]";
  std::string continuing_subword_prefix = "##";
  std::size_t max_input_chars_per_word = 100;  // code points; a longer word is unknown
};

class WordPiece final : public TokenModel {
 public:
  using Pieces = std::vector<std::pair<std::string, std::int32_t>>;

  // Throws std::invalid_argument if there is no piece, a piece occurs twice or is not UTF-8, or an id is
  // negative.
  explicit WordPiece(const Pieces& pieces, const WordPieceOptions& options = {});

  std::unique_ptr<TokenScratch> make_scratch() const override;
  void tokenize(std::string_view word, TokenScratch& /*scratch*/,
                std::vector<std::int32_t>& ids) const override {
    append(word, ids);
  }

  // Appends the ids of one word, which is not empty. If the word needs the unknown token and there is
  // none, appends nothing and throws NoTokenError.
  void append(std::string_view word, std::vector<std::int32_t>& ids) const;

 private:
  // What is emitted on the way along a link ("failure pops"): an id, or ~i for those of
  // pops_[i].before and then pops_[i].id.
  using Pops = std::int32_t;
  struct MorePops {
    Pops before;
    std::int32_t id;
  };
  // A node of the trie; its number is its cell in the double array.
  struct Node {
    std::uint32_t base;
    std::uint32_t parent;  // kNone in a free cell
    std::uint32_t link;    // the node to go on from once the pops are emitted; kNone: no match
    Pops pops;
  };
  struct Branch;
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::uint32_t kRoot = 0;  // where words start

  std::uint32_t child(std::uint32_t node, unsigned char byte) const;
  void place(std::vector<Branch>& branches);
  void link(const std::vector<Branch>& branches);
  Pops joined(Pops before, Pops after);
  void emit(Pops pops, std::vector<std::int32_t>& ids) const;
  void unknown(std::size_t num_before, std::vector<std::int32_t>& ids) const;

  std::vector<Node> nodes_;
  std::vector<MorePops> pops_;
  std::uint32_t continuing_root_ = kRoot;  // where words go on; both are one if the prefix is empty
  std::size_t max_chars_;
  std::int32_t unk_id_ = -1;
};

}  // namespace rerank
