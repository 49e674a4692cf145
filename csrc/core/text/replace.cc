// The Replace normalizer: of a literal string, and of a run of characters.
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/text/character_run.h"
#include "core/text/normalizers.h"
#include "core/text/utf8.h"

namespace rerank {
namespace {

constexpr std::size_t kMaxLength = 1024;  // of patterns and contents, in bytes

class Replace final : public Normalizer {
 public:
  Replace(std::string_view pattern, std::string_view content)
      : pattern_(pattern), content_(content) {}

  void apply(std::string_view text, std::string& out) const override {
    std::size_t copied = 0;
    for (std::size_t at = text.find(pattern_); at != std::string_view::npos;
         at = text.find(pattern_, copied)) {
      out += text.substr(copied, at - copied);
      out += content_;
      copied = at + pattern_.size();
    }
    out += text.substr(copied);
  }

 private:
  std::string pattern_;
  std::string content_;
};

class ReplaceRun final : public Normalizer {
 public:
  ReplaceRun(CharacterRun run, std::string_view content)
      : run_(std::move(run)), content_(content) {}

  void apply(std::string_view text, std::string& out) const override {
    std::size_t copied = 0;
    std::size_t begin = 0;
    std::size_t count = 0;  // of code points in the run that began at `begin`
    const auto close = [&](std::size_t end) {
      if (count >= run_.least) {
        out += text.substr(copied, begin - copied);
        out += content_;
        copied = end;
      }
      count = 0;
    };
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint next = decode(text, at);
      if (run_.set.contains(next.value)) {
        if (count == 0) begin = at;
        if (++count == run_.most) close(at + next.size);
      } else if (count != 0) {
        close(at);
      }
      at += next.size;
    }
    close(text.size());
    out += text.substr(copied);
  }

 private:
  CharacterRun run_;
  std::string content_;
};

void check(const char* what, std::string_view text) {
  if (text.size() > kMaxLength)
    throw std::invalid_argument(std::string(what) + " of Replace has " +
                                std::to_string(text.size()) + " bytes, allowed are " +
                                std::to_string(kMaxLength));
  if (!is_valid_utf8(text))
    throw std::invalid_argument(std::string(what) + " of Replace is not UTF-8");
}

}  // namespace

NormalizerPtr make_replace(std::string_view pattern, std::string_view content) {
  check("the pattern", pattern);
  check("the content", content);
  if (pattern.empty()) throw std::invalid_argument("the pattern of Replace is empty");
  return std::make_unique<Replace>(pattern, content);
}

NormalizerPtr make_regex_replace(std::string_view regex, std::string_view content) {
  check("the pattern", regex);
  check("the content", content);
  if (content.find('$') != std::string_view::npos)
    throw std::invalid_argument("the content of Replace, \"" + std::string(content) +
                                "\", may refer to a group, which is not implemented");
  std::vector<CharacterRun> runs = parse_character_runs(regex);
  std::string literal;
  for (CharacterRun& run : runs) {
    if (const auto c = run.set.single(); c && run.most == 1)
      append(literal, *c);
    else if (runs.size() == 1)
      return std::make_unique<ReplaceRun>(std::move(run), content);
    else
      throw std::invalid_argument("the regular expression \"" + std::string(regex) +
                                  "\" is not implemented");
  }
  return make_replace(literal, content);
}

}  // namespace rerank
