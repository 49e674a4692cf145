// The small pre-tokenizers: Whitespace, Digits, Punctuation, CharDelimiterSplit, FixedLength and the
// Sequence that runs several.
#pragma once

#include <cstddef>
#include <vector>

#include "core/text/pre_tokenizer.h"
#include "core/text/split.h"

namespace rerank {

PreTokenizerPtr make_whitespace();                              // words of \w+|[^\w\s]+
PreTokenizerPtr make_digits(bool individual_digits);            // char::is_numeric
PreTokenizerPtr make_punctuation(SplitBehavior behavior);       // the default is kIsolated
PreTokenizerPtr make_char_delimiter_split(char32_t delimiter);  // which is removed
PreTokenizerPtr make_fixed_length(std::size_t length);          // in code points; 0 throws

// Null stands for a step that changes nothing, here and as the result. Only the first step is told
// which word is at the very start of the input: behind it nobody knows.
PreTokenizerPtr make_pre_tokenizer_sequence(std::vector<PreTokenizerPtr> steps);

}  // namespace rerank
