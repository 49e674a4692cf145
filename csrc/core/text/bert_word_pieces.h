// The whole way from text to ids of the usual BERT tokenizer, without a copy of the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/text/bert_text.h"
#include "core/text/wordpiece.h"

namespace rerank {

// Appends the ids of a text; stops after the word with which `ids` has more than `most`. Throws
// NoTokenError as WordPiece does.
void append_word_pieces(const BertText& bert, const WordPiece& model, std::string_view text,
                        std::size_t most, BertText::Buffers& buffers,
                        std::vector<std::int32_t>& ids);

}  // namespace rerank
