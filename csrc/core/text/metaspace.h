// The Metaspace pre-tokenizer: SentencePiece's visible spaces.
#pragma once

#include <cstdint>

#include "core/text/pre_tokenizer.h"

namespace rerank {

enum class PrependScheme : std::uint8_t { kAlways, kFirst, kNever };

struct MetaspaceOptions {
  char32_t replacement = U'\u2581';
  PrependScheme prepend_scheme = PrependScheme::kAlways;
  bool split = true;  // before each replacement
};

// Spaces become the replacement, and one is put before a text that does not begin with it.
// Throws std::invalid_argument if the replacement is no code point.
PreTokenizerPtr make_metaspace(const MetaspaceOptions& options);

// WhitespaceSplit and then Metaspace, in one pass. It puts the replacement before every word or before
// none: throws std::invalid_argument for PrependScheme::kFirst.
PreTokenizerPtr make_whitespace_metaspace(const MetaspaceOptions& options);

}  // namespace rerank
