// The small normalizers of a tokenizer.json: Unicode forms, Lowercase, Strip, StripAccents, Replace,
// Prepend, Nmt and the Sequence that runs several.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/text/normalizer.h"
#include "core/text/unicode.h"

namespace rerank {

// Null stands for a step that changes nothing, here and as a result.
NormalizerPtr make_normal_form(NormalForm form);    // NFD, NFC, NFKD, NFKC
NormalizerPtr make_lowercase();                     // code point by code point: no final sigma
NormalizerPtr make_strip(bool left, bool right);    // whitespace
NormalizerPtr make_strip_accents();                 // drops marks; decomposes nothing
NormalizerPtr make_prepend(std::string_view text);  // to a text that is not empty
NormalizerPtr make_nmt();                           // control characters go, odd blanks are spaces
NormalizerPtr make_normalizer_sequence(std::vector<NormalizerPtr> steps);

// Replaces every occurrence. An empty or over-long pattern and an over-long content throw
// std::invalid_argument.
NormalizerPtr make_replace(std::string_view pattern, std::string_view content);

// The same for a regular expression that is a plain string or one character class with a repetition:
// " {2,}", "\s+", "[\n\r\t]", "\p{N}{1,3}", "[^a-z]". Every other one throws std::invalid_argument, as
// does a "$" in the content, which some versions of the library expand to a group.
NormalizerPtr make_regex_replace(std::string_view regex, std::string_view content);

}  // namespace rerank
