// The loop of BertText over the code points of a text, compiled into its callers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/text/bert_text.h"
#include "core/text/utf8.h"

namespace rerank {

template <class OnWord>
void BertText::each_word(std::string_view text, Buffers& buffers, OnWord on_word) const {
  Pending<OnWord> pending(text, buffers.word, on_word);
  std::size_t next = 0;
  for (std::size_t at = 0; at < text.size(); at = next) {
    const auto byte = static_cast<unsigned char>(text[at]);
    next = at + 1;
    if (is_kept_[byte]) continue;
    Action now = ascii_[byte & 0x7F];
    if (byte >= 0x80) {
      const CodePoint c = decode(text, at);
      next = at + c.size;
      now = action(c.value);
    }
    bool goes_on = true;
    if (now.kind() == Kind::kSpace || now.kind() == Kind::kIsolate) {  // nearly always
      goes_on = pending.finish(at, next) &&
                (now.kind() == Kind::kSpace || on_word(text.substr(at, next - at)));
    } else if (now.kind() == Kind::kFold) {
      append(pending.leave_out(at, next), now.value());
    } else if (now.kind() == Kind::kDrop) {
      pending.leave_out(at, next);
    } else if (now.kind() == Kind::kSpell) {
      goes_on = pending.spell(at, next, spelling(now.value()));
    } else if (now.kind() == Kind::kReorder) {
      next = reordered_end(text, next);
      spell(text.substr(at, next - at), buffers.spelling);
      goes_on = pending.spell(at, next, buffers.spelling);
    }
    if (!goes_on) return;
  }
  pending.finish(text.size(), text.size());
}

}  // namespace rerank
