#include "core/text/normalizers.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <utility>

#include "core/text/utf8.h"
#include "core/text/whitespace.h"

namespace rerank {
namespace {

constexpr std::size_t kMaxLength = 1024;  // of what is prepended, in bytes

class Form final : public Normalizer {
 public:
  explicit Form(NormalForm form) : form_(form) {}
  void apply(std::string_view text, std::string& out) const override {
    normalize(text, form_, out);
  }

 private:
  NormalForm form_;
};

class LowercaseNormalizer final : public Normalizer {
 public:
  void apply(std::string_view text, std::string& out) const override {
    for (std::size_t at = 0; at < text.size();) {
      if (is_ascii(text[at])) {
        const char byte = text[at++];
        out.push_back('A' <= byte && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte);
        continue;
      }
      const CodePoint next = decode(text, at);
      for (const char32_t lower : lowercase(next.value)) append(out, lower);
      at += next.size;
    }
  }
};

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void apply(std::string_view text, std::string& out) const override {
    if (left_) text = trim_start(text);
    if (right_) text = trim_end(text);
    out += text;
  }

 private:
  bool left_;
  bool right_;
};

class StripAccents final : public Normalizer {
 public:
  void apply(std::string_view text, std::string& out) const override {
    std::size_t copied = 0;
    for (std::size_t at = 0; at < text.size();) {
      if (is_ascii(text[at])) {
        ++at;
        continue;
      }
      const CodePoint next = decode(text, at);
      if (has(next.value, kMark)) {
        out += text.substr(copied, at - copied);
        copied = at + next.size;
      }
      at += next.size;
    }
    out += text.substr(copied);
  }
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string_view prefix) : prefix_(prefix) {}
  void apply(std::string_view text, std::string& out) const override {
    if (text.empty()) return;
    out += prefix_;
    out += text;
  }

 private:
  std::string prefix_;
};

// The rules that SentencePiece calls nmt, short of its NFKC.
class Nmt final : public Normalizer {
 public:
  void apply(std::string_view text, std::string& out) const override {
    std::size_t copied = 0;
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint next = decode(text, at);
      const bool space = is_space(next.value);
      if (space || is_control(next.value)) {
        out += text.substr(copied, at - copied);
        if (space) out.push_back(' ');
        copied = at + next.size;
      }
      at += next.size;
    }
    out += text.substr(copied);
  }

 private:
  static bool is_control(char32_t c) {
    return (c < 0x20 && c != 0 && c != '\t' && c != '\n' && c != '\f' && c != '\r') || c == 0x7F ||
           c == 0x8F || c == 0x9F;
  }
  static bool is_space(char32_t c) {
    return c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == 0x1680 ||
           (0x200B <= c && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
           c == 0xFEFF || c == 0xFFFD;
  }
};

class Sequence final : public Normalizer {
 public:
  explicit Sequence(std::vector<NormalizerPtr> steps) : steps_(std::move(steps)) {}
  void apply(std::string_view text, std::string& out) const override {
    std::string input;  // of a step, once it is no longer the text
    std::string output;
    output.reserve(text.size());
    input.reserve(steps_.size() > 2 ? text.size() : 0);
    for (std::size_t i = 0; i + 1 < steps_.size(); ++i) {
      output.clear();
      steps_[i]->apply(i == 0 ? text : input, output);
      std::swap(input, output);
    }
    steps_.back()->apply(input, out);
  }

 private:
  std::vector<NormalizerPtr> steps_;  // two at least
};

}  // namespace

NormalizerPtr make_normal_form(NormalForm form) { return std::make_unique<Form>(form); }
NormalizerPtr make_lowercase() { return std::make_unique<LowercaseNormalizer>(); }
NormalizerPtr make_strip_accents() { return std::make_unique<StripAccents>(); }
NormalizerPtr make_nmt() { return std::make_unique<Nmt>(); }

NormalizerPtr make_strip(bool left, bool right) {
  return left || right ? std::make_unique<Strip>(left, right) : nullptr;
}

NormalizerPtr make_prepend(std::string_view text) {
  if (text.size() > kMaxLength)
    throw std::invalid_argument("what Prepend prepends has " + std::to_string(text.size()) +
                                " bytes, allowed are " + std::to_string(kMaxLength));
  if (!is_valid_utf8(text)) throw std::invalid_argument("what Prepend prepends is not UTF-8");
  return text.empty() ? nullptr : std::make_unique<Prepend>(text);
}

NormalizerPtr make_normalizer_sequence(std::vector<NormalizerPtr> steps) {
  std::erase(steps, nullptr);
  if (steps.empty()) return nullptr;
  if (steps.size() == 1) return std::move(steps.front());
  return std::make_unique<Sequence>(std::move(steps));
}

}  // namespace rerank
