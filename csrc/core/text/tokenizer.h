// Text to token ids, as the `tokenizers` library does it: added tokens, normalizer, pre-tokenizer, model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/added_tokens.h"
#include "core/text/bert_text.h"
#include "core/text/normalizer.h"
#include "core/text/pre_tokenizer.h"
#include "core/text/token_model.h"
#include "core/text/wordpiece.h"

namespace rerank {

// What a tokenizer.json says of the way from text to ids. Steps that are absent are null.
struct TokenizerParts {
  struct Token {
    AddedToken token;
    bool normalized;  // is found in the normalized text, and normalized itself
  };
  std::vector<Token> added_tokens;
  NormalizerPtr normalizer;
  PreTokenizerPtr pre_tokenizer;
  TokenModelPtr model;
  // Set if normalizer and pre-tokenizer are BERT's: with WordPiece all three run in one pass.
  std::optional<BertTextOptions> bert_text;
  // Text before a single space between ASCII letters or digits is encoded alike whatever follows it,
  // and what follows alike whatever stood before it: so a long text can be encoded in chunks.
  bool splits_at_spaces = false;
};

// Immutable; any thread may call it with a scratch of its own.
class Tokenizer {
 public:
  // Throws std::invalid_argument where an added token is empty or becomes so when normalized.
  explicit Tokenizer(TokenizerParts parts);

  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  class Scratch {
   public:
    explicit Scratch(const Tokenizer& tokenizer) : model_(tokenizer.model_->make_scratch()) {}

    // Gives back what a huge text needed and hardly another one will.
    void trim();

   private:
    friend class Tokenizer;
    BertText::Buffers bert_;
    std::string normalized_;
    Words words_;
    std::unique_ptr<TokenScratch> model_;
  };

  // Appends the ids of a valid UTF-8 text, without special tokens, and stops once there are `limit`
  // of them. False where the text has more. Throws NoTokenError.
  bool encode(std::string_view text, std::size_t limit, Scratch& scratch,
              std::vector<std::int32_t>& ids) const;

 private:
  // These stop soon after `ids` has more than `most`.
  void encode_raw(std::string_view text, bool first, std::size_t most, Scratch& scratch,
                  std::vector<std::int32_t>& ids) const;
  void encode_words(std::string_view text, bool first, std::size_t most, Scratch& scratch,
                    std::vector<std::int32_t>& ids) const;

  NormalizerPtr normalizer_;
  PreTokenizerPtr pre_tokenizer_;
  TokenModelPtr model_;
  AddedTokens in_raw_;
  AddedTokens in_normalized_;
  bool in_chunks_;
  std::optional<BertText> bert_text_;  // with a WordPiece model, and nothing to find in its text
  const WordPiece* word_piece_ = nullptr;
};

}  // namespace rerank
