#include "core/text/split_patterns.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "core/text/code_point_class.h"
#include "core/text/unicode.h"
#include "core/text/utf8.h"
#include "core/text/word_scanners.h"

namespace rerank {
namespace {

using namespace split;

// Runs of a class with gaps in between: at most `MaxLength` characters.
template <unsigned Classes, std::size_t MaxLength>
Match match_run(std::string_view text, std::size_t at) {
  const std::size_t begin = skip(text, at, kAnyClass & ~Classes);
  std::size_t end = begin;
  for (std::size_t i = 0; i < MaxLength; ++i) {
    const Char c = read(text, end);
    if ((c.kind & Classes) == 0) break;
    end = c.end;
  }
  return {begin, end};
}

constexpr std::size_t kNoLimit = SIZE_MAX;

// [0-9][0-9][0-9], of Falcon
Match match_three_ascii_digits(std::string_view text, std::size_t at) {
  std::size_t num_digits = 0;
  for (; at < text.size(); ++at) {
    num_digits = text[at] >= '0' && text[at] <= '9' ? num_digits + 1 : 0;
    if (num_digits == 3) return {at - 2, at + 1};
  }
  return {at, at};
}

Match match_newline(std::string_view text, std::size_t at) {
  at = std::min(text.find_first_of("\r\n", at), text.size());
  return {at, std::min(at + 1, text.size())};
}

// A run of the code points that `accepts` takes, with gaps in between.
template <class Accepts>
Match match_run_of(std::string_view text, std::size_t at, const Accepts& accepts) {
  std::size_t begin = text.size();
  while (at < text.size()) {
    const CodePoint c = decode(text, at);
    const bool accepted = accepts(c.value);
    if (!accepted && begin < at) break;
    if (accepted) begin = std::min(begin, at);
    at += c.size;
  }
  return {begin, at};
}

// [...]+, of DeepSeek: ideographs and kana
Match match_cjk(std::string_view text, std::size_t at) {
  return match_run_of(text, at, [](char32_t c) {
    return (c >= 0x4E00 && c <= 0x9FA5) || (c >= 0x3040 && c <= 0x30FF);
  });
}

// BLOOM: what is neither white space nor one of some punctuation, with the space before it
Match match_bloom(std::string_view text, std::size_t at) {
  constexpr std::u32string_view kStops = U"(|).,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C";
  const Match run = match_run_of(text, at, [&](char32_t c) {
    return !has(c, kRegexSpace) && kStops.find(c) == std::u32string_view::npos;
  });
  const bool after_space = run.begin > at && run.begin < text.size() && text[run.begin - 1] == ' ';
  return {after_space ? run.begin - 1 : run.begin, run.end};
}

struct Known {
  std::string_view regex;
  Matcher matcher;
  bool splits_at_spaces = true;
};
constexpr std::array kKnown = {
    // GPT-2, RoBERTa, BLOOM's relatives: what ByteLevel uses by itself
    Known{R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
          match_gpt2},
    // Llama 3, GLM-4, OLMo 2
    Known{
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        match_llama3},
    // GPT-4, DBRX, Phi-4
    Known{
        R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)",
        match_llama3},
    // Qwen 2 and 3
    Known{
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        match_qwen2},
    // Qwen 3.5
    Known{
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        match_qwen3_5},
    // GPT-4o, gpt-oss, Llama 4
    Known{
        R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        match_gpt4o},
    // MiniMax
    Known{
        R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        match_minimax},
    // Mistral's Tekken
    Known{
        R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        match_tekken},
    // DeepSeek V3
    Known{
        R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        match_deepseek},
    // Steps of sequences: DeepSeek, Falcon, StarCoder and others
    Known{R"(\p{N}{1,3})", match_run<kN, 3>, false},
    Known{R"(\p{N})", match_run<kN, 1>, false},
    Known{R"(\p{N}+)", match_run<kN, kNoLimit>, false},
    Known{R"(\s+)", match_run<kS, kNoLimit>},
    Known{R"(\s)", match_run<kS, 1>},
    Known{R"([0-9][0-9][0-9])", match_three_ascii_digits, false},
    Known{R"([\r\n])", match_newline, false},
    Known{"[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+", match_cjk, false},
    Known{" ?[^(\\s|[.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C])]+", match_bloom},
};

const Known* find_known(std::string_view regex) {
  std::string escaped;  // some files hold the line ends themselves
  for (const char c : regex)
    if (c == '\r')
      escaped += "\\r";
    else if (c == '\n')
      escaped += "\\n";
    else
      escaped += c;
  const auto found = std::find_if(kKnown.begin(), kKnown.end(),
                                  [&](const Known& known) { return known.regex == escaped; });
  return found == kKnown.end() ? nullptr : &*found;
}

}  // namespace

Matcher find_matcher(std::string_view regex) {
  const Known* known = find_known(regex);
  return known == nullptr ? nullptr : known->matcher;
}

bool splits_at_spaces(std::string_view regex) {
  const Known* known = find_known(regex);
  return known != nullptr && known->splits_at_spaces;
}

}  // namespace rerank
