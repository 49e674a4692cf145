#include "core/text/pre_tokenizers.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace rerank {
namespace {

// Every code point of a property is a match of its own.
class PropertySplit final : public PreTokenizer {
 public:
  PropertySplit(UnicodeProperty property, SplitBehavior behavior)
      : property_(property), behavior_(behavior) {}

  void apply(std::string_view word, bool /*first*/, Words& out) const override {
    Splitter splitter(word, behavior_, out);
    bool in_between = false;  // code points without the property are one part
    for (std::size_t at = 0; at < word.size();) {
      const CodePoint c = decode(word, at);
      const bool is_match = has(c.value, property_);
      if (is_match && in_between) splitter.add(at, false);
      at += c.size;
      if (is_match) splitter.add(at, true);
      in_between = !is_match;
    }
    if (in_between) splitter.add(word.size(), false);
    splitter.finish();
  }

 private:
  UnicodeProperty property_;
  SplitBehavior behavior_;
};

class Whitespace final : public PreTokenizer {
 public:
  void apply(std::string_view word, bool /*first*/, Words& out) const override {
    std::size_t begin = 0;
    Kind kind = Kind::kSpace;
    for (std::size_t at = 0; at < word.size();) {
      const CodePoint c = decode(word, at);
      const Kind next = kind_of(c.value);
      if (next != kind) {
        if (kind != Kind::kSpace) out.add(word.substr(begin, at - begin));
        begin = at;
        kind = next;
      }
      at += c.size;
    }
    if (kind != Kind::kSpace) out.add(word.substr(begin));
  }

 private:
  enum class Kind { kSpace, kWord, kOther };

  static Kind kind_of(char32_t c) {
    if (is_rust_word(c)) return Kind::kWord;
    return has(c, kRegexSpace) ? Kind::kSpace : Kind::kOther;
  }
};

class FixedLength final : public PreTokenizer {
 public:
  explicit FixedLength(std::size_t length) : length_(length) {}

  void apply(std::string_view word, bool /*first*/, Words& out) const override {
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t begin = at;
      for (std::size_t i = 0; i < length_ && at < word.size(); ++i) at += decode(word, at).size;
      out.add(word.substr(begin, at - begin));
    }
  }

 private:
  std::size_t length_;
};

class Sequence final : public PreTokenizer {
 public:
  explicit Sequence(std::vector<PreTokenizerPtr> steps) : steps_(std::move(steps)) {}

  void apply(std::string_view word, bool first, Words& out) const override {
    Words words;
    Words next;
    steps_.front()->apply(word, first, words);
    for (std::size_t i = 1; i < steps_.size(); ++i) {
      Words& to = i + 1 == steps_.size() ? out : next;
      next.clear();
      for (std::size_t k = 0; k < words.size(); ++k) steps_[i]->apply(words[k], false, to);
      std::swap(words, next);
    }
  }

 private:
  std::vector<PreTokenizerPtr> steps_;  // two or more
};

}  // namespace

PreTokenizerPtr make_whitespace() { return std::make_unique<Whitespace>(); }

PreTokenizerPtr make_digits(bool individual_digits) {
  return std::make_unique<PropertySplit>(
      kNumeric, individual_digits ? SplitBehavior::kIsolated : SplitBehavior::kContiguous);
}

PreTokenizerPtr make_punctuation(SplitBehavior behavior) {
  return std::make_unique<PropertySplit>(kBertPunctuation, behavior);
}

PreTokenizerPtr make_char_delimiter_split(char32_t delimiter) {
  std::string pattern;
  append(pattern, delimiter);
  return make_literal_split(std::move(pattern), SplitBehavior::kRemoved, false);
}

PreTokenizerPtr make_fixed_length(std::size_t length) {
  if (length == 0) throw std::invalid_argument("a fixed length must be at least 1");
  return std::make_unique<FixedLength>(length);
}

PreTokenizerPtr make_pre_tokenizer_sequence(std::vector<PreTokenizerPtr> steps) {
  std::erase(steps, nullptr);
  if (steps.empty()) return nullptr;
  if (steps.size() == 1) return std::move(steps.front());
  return std::make_unique<Sequence>(std::move(steps));
}

}  // namespace rerank
