// Text to normalized text: the `normalizer` of a tokenizer.json, one class per type, one step each.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace rerank {

// Immutable; any thread may call it.
class Normalizer {
 public:
  Normalizer() = default;
  Normalizer(const Normalizer&) = delete;
  Normalizer& operator=(const Normalizer&) = delete;
  virtual ~Normalizer() = default;

  // Appends the normalized text; `text` must not be part of `out`.
  virtual void apply(std::string_view text, std::string& out) const = 0;
};

using NormalizerPtr = std::unique_ptr<const Normalizer>;

}  // namespace rerank
