#include "core/text/word_scanners.h"

#include "core/text/code_point_class.h"

namespace rerank {
namespace {

using namespace split;

// [\r\n]*, with one more character in it
std::size_t skip_newlines(std::string_view text, std::size_t at, char also = '\n') {
  while (at < text.size() && (text[at] == '\r' || text[at] == '\n' || text[at] == also)) ++at;
  return at;
}

bool starts_with(std::string_view text, std::size_t at, std::string_view with) {
  return text.compare(at, with.size(), with) == 0;
}

// 's|'t|'re|'ve|'m|'ll|'d, which starts at `at`: its end, or `at`. With `fold`, (?i:...): the only
// other character that folds to one of these letters is U+017F, the long s.
std::size_t skip_contraction(std::string_view text, std::size_t at, bool fold) {
  const auto letter = [&](std::size_t i) {
    if (i >= text.size()) return '\0';
    const char c = text[i];
    return fold && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  if (letter(at) != '\'') return at;
  const char first = letter(at + 1);
  const char second = letter(at + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
  if ((first == 'l' && second == 'l') || ((first == 'r' || first == 'v') && second == 'e'))
    return at + 3;
  return fold && starts_with(text, at + 1, "\u017F") ? at + 3 : at;
}

// \s+(?!\S)|\s+ where white space starts: a run, but its last character is left to what follows;
// with `newlines`, \s*[\r\n]+ comes first and ends behind the last newline of the run.
std::size_t skip_space(std::string_view text, std::size_t at, bool newlines) {
  std::size_t last = at;
  std::size_t end = at;
  std::size_t behind_newline = at;
  for (Char c = read(text, end); c.kind == kS; c = read(text, end)) {
    last = end;
    end = c.end;
    if (text[last] == '\r' || text[last] == '\n') behind_newline = end;
  }
  if (newlines && behind_newline > at) return behind_newline;
  return end == text.size() || last == at ? end : last;
}

bool is_newline(char c) { return c == '\r' || c == '\n'; }

// What the families below have in common.
struct Family {
  unsigned letters = kL;  // what words are made of
  std::size_t max_digits = 3;
  bool contractions = true;
  char sign_end = '\n';  // may follow a run of signs as newlines do
};

// \p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ where no word starts
std::size_t skip_no_word(std::string_view text, std::size_t at, const Family& family) {
  const unsigned others = kAnyClass & ~(family.letters | kN | kS);
  const Char first = read(text, at);
  if (first.kind == kN) {
    std::size_t end = first.end;
    for (std::size_t i = 1; i < family.max_digits; ++i) {
      const Char c = read(text, end);
      if (c.kind != kN) break;
      end = c.end;
    }
    return end;
  }
  const Char sign = text[at] == ' ' ? read(text, first.end) : first;
  if ((sign.kind & others) != 0)
    return skip_newlines(text, skip(text, sign.end, others), family.sign_end);
  return skip_space(text, at, true);
}

// cl100k and Qwen: (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|... (skip_no_word)
template <Family F>
Match match_cl100k(std::string_view text, std::size_t at) {
  if (const std::size_t end = skip_contraction(text, at, true); end > at) return {at, end};
  const Char first = read(text, at);
  if ((first.kind & F.letters) != 0) return {at, skip(text, first.end, F.letters)};
  if (first.kind != kN && !is_newline(text[at]))
    if (const Char second = read(text, first.end); (second.kind & F.letters) != 0)
      return {at, skip(text, second.end, F.letters)};
  return {at, skip_no_word(text, at, F)};
}

// o200k and Tekken: words of capitals and small letters, caseless ones and marks being both (U, W):
// [^\r\n\p{L}\p{N}]?U*W+|[^\r\n\p{L}\p{N}]?U+W*|..., each with its contraction
constexpr unsigned kBothCases = kCaseless | kM;
constexpr unsigned kCapitals = kUpper | kBothCases;
constexpr unsigned kSmalls = kLower | kBothCases;

// U*W+: its end, or `at`. Without a small letter behind the U's, the last U that is a W too ends it.
std::size_t skip_cased_word(std::string_view text, std::size_t at) {
  std::size_t behind_both = at;
  Char c = read(text, at);
  for (std::size_t end = at; (c.kind & kCapitals) != 0; c = read(text, end)) {
    end = c.end;
    if ((c.kind & kBothCases) != 0) behind_both = end;
  }
  return c.kind == kLower ? skip(text, c.end, kSmalls) : behind_both;
}

template <Family F>
Match match_o200k(std::string_view text, std::size_t at) {
  const Char first = read(text, at);
  const bool has_lead = (first.kind & (kL | kN)) == 0 && !is_newline(text[at]);
  const std::size_t begin = has_lead ? first.end : at;
  std::size_t end = skip_cased_word(text, begin);
  if (end == begin) end = has_lead ? skip_cased_word(text, at) : at;
  if (end == at) {
    end = skip(text, begin, kCapitals);
    end = end == begin ? at : skip(text, end, kSmalls);
  }
  if (end == at) return {at, skip_no_word(text, at, F)};
  return {at, F.contractions ? skip_contraction(text, end, true) : end};
}

}  // namespace

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
Match match_gpt2(std::string_view text, std::size_t at) {
  if (const std::size_t end = skip_contraction(text, at, false); end > at) return {at, end};
  const Char first = read(text, text[at] == ' ' ? at + 1 : at);
  for (const unsigned classes : {unsigned{kL}, unsigned{kN}, kM | kSign | kOther})
    if ((first.kind & classes) != 0) return {at, skip(text, first.end, classes)};
  return {at, skip_space(text, at, false)};
}

Match match_llama3(std::string_view text, std::size_t at) {
  return match_cl100k<Family{}>(text, at);
}
Match match_qwen2(std::string_view text, std::size_t at) {
  return match_cl100k<Family{.max_digits = 1}>(text, at);
}
Match match_qwen3_5(std::string_view text, std::size_t at) {
  return match_cl100k<Family{.letters = kL | kM, .max_digits = 1}>(text, at);
}
Match match_gpt4o(std::string_view text, std::size_t at) {
  return match_o200k<Family{.sign_end = '/'}>(text, at);
}
Match match_minimax(std::string_view text, std::size_t at) {
  return match_o200k<Family{}>(text, at);
}
Match match_tekken(std::string_view text, std::size_t at) {
  return match_o200k<Family{.max_digits = 1, .contractions = false, .sign_end = '/'}>(text, at);
}

// DeepSeek V3: [!-/:-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|
// \s*[\r\n]+|\s+(?!\S)|\s+, with gaps
Match match_deepseek(std::string_view text, std::size_t at) {
  constexpr unsigned kWord = kL | kM;
  const auto is_ascii_letter = [&](std::size_t i) {
    return i < text.size() && static_cast<unsigned char>(text[i]) < 128 &&
           (read(text, i).kind & kL) != 0;
  };
  while (at < text.size()) {
    const Char first = read(text, at);
    const Char second = read(text, first.end);
    if (first.kind == kSign && first.end == at + 1 && is_ascii_letter(at + 1)) {
      std::size_t end = at + 1;
      while (is_ascii_letter(end)) ++end;
      return {at, end};
    }
    if ((first.kind & kWord) != 0) return {at, skip(text, first.end, kWord)};
    if (first.kind != kSign && (second.kind & kWord) != 0 && !is_newline(text[at]))
      return {at, skip(text, second.end, kWord)};
    const Char sign = text[at] == ' ' ? second : first;
    if (sign.kind == kSign) return {at, skip_newlines(text, skip(text, sign.end, kSign))};
    if (first.kind == kS) return {at, skip_space(text, at, true)};
    at = first.end;
  }
  return {at, at};
}

}  // namespace rerank
