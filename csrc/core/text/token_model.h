// Words to token ids: the `model` of a tokenizer.json.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace rerank {

// The model has no id for a piece of the text and no unknown token to stand in.
class NoTokenError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Working memory of one thread: buffers and the cache of words already seen. Reused from text to text,
// so that nothing is allocated per token.
class TokenScratch {
 public:
  TokenScratch() = default;
  TokenScratch(const TokenScratch&) = delete;
  TokenScratch& operator=(const TokenScratch&) = delete;
  virtual ~TokenScratch() = default;
};

// Immutable; any thread may call it with a scratch of its own.
class TokenModel {
 public:
  TokenModel() = default;
  TokenModel(const TokenModel&) = delete;
  TokenModel& operator=(const TokenModel&) = delete;
  virtual ~TokenModel() = default;

  virtual std::unique_ptr<TokenScratch> make_scratch() const = 0;  // only for this model

  // Appends the ids of one word, which is not empty.
  virtual void tokenize(std::string_view word, TokenScratch& scratch,
                        std::vector<std::int32_t>& ids) const = 0;
};

using TokenModelPtr = std::unique_ptr<const TokenModel>;

}  // namespace rerank
