// The ByteLevel pre-tokenizer. Words stay raw bytes: mapping them to GPT-2's byte alphabet is left
// out, because Bpe knows its pieces as bytes. So nothing but the model may follow it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/text/pre_tokenizer.h"

namespace rerank {

// Null if it changes nothing: neither a prefix nor the regular expression is asked for.
PreTokenizerPtr make_byte_level(bool add_prefix_space, bool use_regex);

// The code point that stands for a byte in GPT-2's alphabet, and back (-1: it stands for none).
char32_t byte_to_alphabet(unsigned char byte);
int alphabet_to_byte(char32_t code_point);

}  // namespace rerank
