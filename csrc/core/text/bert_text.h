// Text to words as BERT has it: BertNormalizer and BertPreTokenizer of a tokenizer.json in one pass, which
// can stop after any word.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/normalizer.h"
#include "core/text/pre_tokenizer.h"
#include "core/text/utf8.h"

namespace rerank {

struct BertTextOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  std::optional<bool> strip_accents = std::nullopt;  // not set: as lowercase
  bool lowercase = true;
};

// The two steps on their own, for tokenizers that have only one of them.
NormalizerPtr make_bert_normalizer(const BertTextOptions& options);
PreTokenizerPtr make_bert_pre_tokenizer();

// Immutable; any thread may call it with buffers of its own.
class BertText {
 public:
  explicit BertText(const BertTextOptions& options = {});

  struct Buffers {
    std::string word;
    std::string spelling;
  };

  // Calls on_word(std::string_view) with one word after the other until it returns false. A word lives
  // as long as the call. Whoever calls it includes core/text/bert_each_word.h.
  template <class OnWord>
  void each_word(std::string_view text, Buffers& buffers, OnWord on_word) const;

 private:
  // What becomes of a code point. All that is not common is spelled out: the words it is part of are
  // divided by kBreak, a byte that UTF-8 does not have.
  enum class Kind : std::uint8_t {
    kKeep,     // stays in the word
    kSpace,    // ends the word
    kFold,     // stands in the word as the code point Action::value
    kIsolate,  // is a word of its own
    kDrop,
    kSpell,    // spellings_[ends_[value - 1], ends_[value])
    kReorder,  // NFD may move it among the marks after it: no table knows
  };
  static constexpr char kBreak = '\xFF';
  class Action {
   public:
    explicit constexpr Action(Kind kind = Kind::kKeep, std::size_t value = 0)
        : bits_(static_cast<std::uint32_t>(value << 8) | static_cast<std::uint32_t>(kind)) {}
    Kind kind() const { return static_cast<Kind>(bits_ & 0xFF); }
    char32_t value() const { return bits_ >> 8; }  // up to 24 bits
    friend bool operator==(const Action&, const Action&) = default;

   private:
    std::uint32_t bits_;
  };

  template <class OnWord>
  class Pending;

  Action action(char32_t code_point) const {
    return pages_[std::size_t{index_[code_point >> 8]} << 8 | (code_point & 0xFF)];
  }
  Action composed(char32_t code_point, const BertTextOptions& options, bool strip_accents);
  std::string_view spelling(std::uint32_t value) const {
    return std::string_view(spellings_).substr(ends_[value - 1], ends_[value] - ends_[value - 1]);
  }
  void spell(std::string_view text, std::string& spelling) const;
  std::size_t reordered_end(std::string_view text, std::size_t at) const;

  NormalizerPtr normalizer_;
  std::array<Action, 128> ascii_;
  std::array<bool, 256> is_kept_;     // by byte: ASCII that stays as it is
  std::vector<std::uint16_t> index_;  // into pages of 256 code points, equal ones are shared
  std::vector<Action> pages_;
  std::string spellings_;
  std::vector<std::size_t> ends_ = {0};
};

// The word under way: what is in `word`, and then the text from `begin` on as it stands.
template <class OnWord>
class BertText::Pending {
 public:
  Pending(std::string_view text, std::string& word, OnWord& on_word)
      : text_(text), word_(word), on_word_(on_word) {
    word.clear();
  }
  // The word ends at `end`; the next one begins at `next`. False if that is to be the last.
  bool finish(std::size_t end, std::size_t next) {
    const std::string_view rest = text_.substr(begin_, end - begin_);
    begin_ = next;
    if (word_.empty()) return rest.empty() || on_word_(rest);
    word_ += rest;
    const bool goes_on = on_word_(std::string_view(word_));
    word_.clear();
    return goes_on;
  }
  // The text from `end` to `next` is not part of the word as it stands.
  std::string& leave_out(std::size_t end, std::size_t next) {
    word_.append(text_, begin_, end - begin_);
    begin_ = next;
    return word_;
  }
  // ... but what it is spelled as.
  bool spell(std::size_t end, std::size_t next, std::string_view spelling) {
    leave_out(end, next);
    std::size_t size = 0;
    for (; (size = spelling.find(kBreak)) != std::string_view::npos;
         spelling.remove_prefix(size + 1)) {
      word_ += spelling.substr(0, size);
      if (!finish(next, next)) return false;
    }
    word_ += spelling;
    return true;
  }

 private:
  std::string_view text_;
  std::string& word_;
  OnWord& on_word_;
  std::size_t begin_ = 0;
};

}  // namespace rerank
