#include "core/text/bert_word_pieces.h"

#include "core/text/bert_each_word.h"

namespace rerank {

void append_word_pieces(const BertText& bert, const WordPiece& model, std::string_view text,
                        std::size_t most, BertText::Buffers& buffers,
                        std::vector<std::int32_t>& ids) {
  bert.each_word(text, buffers, [&](std::string_view word) {
    model.append(word, ids);
    return ids.size() <= most;
  });
}

}  // namespace rerank
