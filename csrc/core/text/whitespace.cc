#include "core/text/whitespace.h"

namespace rerank {
namespace {

class WhitespaceSplit final : public PreTokenizer {
 public:
  void apply(std::string_view text, bool /*first*/, Words& out) const override {
    for_each_word(text, [&](std::string_view word) { out.add(word); });
  }
};

}  // namespace

std::string_view trim_start(std::string_view text) {
  while (!text.empty()) {
    const CodePoint first = decode(text, 0);
    if (!has(first.value, kWhitespace)) break;
    text.remove_prefix(first.size);
  }
  return text;
}

std::string_view trim_end(std::string_view text) {
  while (!text.empty()) {
    const std::size_t last = last_code_point(text);
    if (!has(decode(text, last).value, kWhitespace)) break;
    text = text.substr(0, last);
  }
  return text;
}

PreTokenizerPtr make_whitespace_split() { return std::make_unique<WhitespaceSplit>(); }

}  // namespace rerank
