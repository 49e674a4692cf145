#include "core/text/bert_text.h"

#include <algorithm>

#include "core/text/unicode.h"
#include "core/text/unicode_tables.h"

namespace rerank {
namespace {

constexpr char32_t kNumCodePoints = 0x110000;

bool strips_accents(const BertTextOptions& options) {
  return options.strip_accents.value_or(options.lowercase);
}

class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(const BertTextOptions& options) : options_(options) {}

  void apply(std::string_view text, std::string& out) const override {
    std::string cleaned;
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint c = decode(text, at);
      at += c.size;
      if (options_.clean_text && has(c.value, kBertControl)) continue;
      const bool is_space = options_.clean_text && has(c.value, kBertWhitespace);
      const bool is_cjk = options_.handle_chinese_chars && has(c.value, kBertCjk);
      if (is_cjk) cleaned += ' ';
      append(cleaned, is_space ? U' ' : c.value);
      if (is_cjk) cleaned += ' ';
    }
    const bool strip = strips_accents(options_);
    if (strip) cleaned = nfd(cleaned);
    for (std::size_t at = 0; at < cleaned.size();) {
      const CodePoint c = decode(cleaned, at);
      at += c.size;
      if (strip && has(c.value, kNonspacingMark)) continue;
      if (options_.lowercase)
        for (const char32_t lower : lowercase(c.value)) append(out, lower);
      else
        append(out, c.value);
    }
  }

 private:
  BertTextOptions options_;
};

class BertPreTokenizer final : public PreTokenizer {
 public:
  void apply(std::string_view word, bool /*first*/, Words& out) const override {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < word.size();) {
      const CodePoint c = decode(word, at);
      if (has(c.value, kWhitespace | kBertPunctuation)) {
        out.add(word.substr(begin, at - begin));
        begin = at + c.size;
        if (!has(c.value, kWhitespace)) out.add(word.substr(at, c.size));
      }
      at += c.size;
    }
    out.add(word.substr(begin));
  }
};

std::uint8_t combining_class(char32_t c) { return unicode::record(c).combining_class; }

// True if marks beside the text can change place with some of it that strip_accents leaves.
bool is_reordered(std::string_view text) {
  const std::string decomposed = nfd(text);
  for (std::size_t at = 0; at < decomposed.size();) {
    const CodePoint c = decode(decomposed, at);
    at += c.size;
    if (combining_class(c.value) != 0 && !has(c.value, kNonspacingMark)) return true;
  }
  return false;
}

}  // namespace

NormalizerPtr make_bert_normalizer(const BertTextOptions& options) {
  return std::make_unique<BertNormalizer>(options);
}

PreTokenizerPtr make_bert_pre_tokenizer() { return std::make_unique<BertPreTokenizer>(); }

BertText::BertText(const BertTextOptions& options) : normalizer_(make_bert_normalizer(options)) {
  const bool strip_accents = strips_accents(options);
  std::array<Action, 256> page;
  for (char32_t first = 0; first < kNumCodePoints; first += 256) {
    for (char32_t i = 0; i < 256; ++i) page[i] = composed(first + i, options, strip_accents);
    std::size_t number = pages_.size() / 256;  // of the same page, newest first: most repeat
    while (number > 0 &&
           !std::equal(page.begin(), page.end(),
                       pages_.begin() + static_cast<std::ptrdiff_t>(number - 1) * 256))
      --number;
    if (number == 0) {
      pages_.insert(pages_.end(), page.begin(), page.end());
      number = pages_.size() / 256;
    }
    index_.push_back(static_cast<std::uint16_t>(number - 1));
  }
  for (char32_t c = 0; c < ascii_.size(); ++c) ascii_[c] = action(c);
  for (std::size_t byte = 0; byte < is_kept_.size(); ++byte)
    is_kept_[byte] = byte < ascii_.size() && ascii_[byte].kind() == Kind::kKeep;
}

BertText::Action BertText::composed(char32_t code_point, const BertTextOptions& options,
                                    bool strip_accents) {
  // Nearly all are settled by their properties.
  const unicode::CodePointRecord& known = unicode::record(code_point);
  const auto is = [&](std::uint16_t properties) { return (known.properties & properties) != 0; };
  if (options.clean_text && is(kBertControl)) return Action(Kind::kDrop);
  const bool is_decomposed = (known.forms & unicode::kIsNfd) == 0;
  const bool changes =
      is(kWhitespace | kBertWhitespace | kBertPunctuation) ||
      (options.lowercase && *lowercase(code_point).begin() != code_point) ||
      (strip_accents && (is_decomposed || is(kNonspacingMark) || known.combining_class != 0));
  if (!changes)
    return Action(options.handle_chinese_chars && is(kBertCjk) ? Kind::kIsolate : Kind::kKeep);

  std::string text;
  append(text, code_point);
  std::string spelled;
  spell(text, spelled);
  if (strip_accents && is_reordered(text)) return Action(Kind::kReorder);
  if (spelled.empty()) return Action(Kind::kDrop);
  if (spelled == std::string{kBreak}) return Action(Kind::kSpace);
  if (spelled == kBreak + text + kBreak) return Action(Kind::kIsolate);
  if (spelled == text) return Action(Kind::kKeep);
  if (spelled.find(kBreak) == std::string::npos) {
    const CodePoint c = decode(spelled, 0);
    if (c.size == spelled.size()) return Action(Kind::kFold, c.value);
  }
  spellings_ += spelled;
  ends_.push_back(spellings_.size());
  return Action(Kind::kSpell, ends_.size() - 1);
}

// The words of a text by the two steps themselves.
void BertText::spell(std::string_view text, std::string& spelling) const {
  std::string normalized;
  normalizer_->apply(text, normalized);
  spelling.clear();
  for (std::size_t at = 0; at < normalized.size();) {
    const CodePoint c = decode(normalized, at);
    const bool is_space = has(c.value, kWhitespace);
    const bool is_cut = is_space || has(c.value, kBertPunctuation);
    if (is_cut) spelling += kBreak;
    if (!is_space) spelling.append(normalized, at, c.size);
    if (is_cut && !is_space) spelling += kBreak;
    at += c.size;
  }
}

// Marks that are dropped on the way do not hold NFD up.
std::size_t BertText::reordered_end(std::string_view text, std::size_t at) const {
  while (at < text.size()) {
    const CodePoint c = decode(text, at);
    const Kind kind = action(c.value).kind();
    if (kind != Kind::kDrop && kind != Kind::kReorder) break;
    at += c.size;
  }
  return at;
}

}  // namespace rerank
