// Normalized text to words: the `pre_tokenizer` of a tokenizer.json, one class per type.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rerank {

// A text cut into words that follow each other without a gap; what a step removes is not in `text`.
struct Words {
  std::string text;
  std::vector<std::size_t> ends;  // of each word in `text`; no word is empty

  void clear() {
    text.clear();
    ends.clear();
  }
  std::size_t size() const { return ends.size(); }
  std::string_view operator[](std::size_t word) const {
    const std::size_t begin = word == 0 ? 0 : ends[word - 1];
    return std::string_view(text).substr(begin, ends[word] - begin);
  }
  void add(std::string_view word) {
    if (word.empty()) return;
    text += word;
    ends.push_back(text.size());
  }
};

// Immutable; any thread may call it.
class PreTokenizer {
 public:
  PreTokenizer() = default;
  PreTokenizer(const PreTokenizer&) = delete;
  PreTokenizer& operator=(const PreTokenizer&) = delete;
  virtual ~PreTokenizer() = default;

  // Appends the words of `word`. `first` says that it stands at the very start of the input
  // (Metaspace's prepend_scheme "first").
  virtual void apply(std::string_view word, bool first, Words& out) const = 0;
};

using PreTokenizerPtr = std::unique_ptr<const PreTokenizer>;

}  // namespace rerank
