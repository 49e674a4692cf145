#include "core/text/metaspace.h"

#include <stdexcept>
#include <string>
#include <string_view>

#include "core/text/utf8.h"
#include "core/text/whitespace.h"

namespace rerank {
namespace {

class Metaspace final : public PreTokenizer {
 public:
  explicit Metaspace(const MetaspaceOptions& options)
      : scheme_(options.prepend_scheme), split_(options.split) {
    const char32_t c = options.replacement;
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
      throw std::invalid_argument("the replacement of Metaspace is no code point");
    append(replacement_, c);
  }

  void apply(std::string_view word, bool first, Words& out) const override {
    if (word.empty()) return;  // nothing is put before nothing
    const bool prepends =
        scheme_ == PrependScheme::kAlways || (scheme_ == PrependScheme::kFirst && first);
    if (prepends && word[0] != ' ' && !word.starts_with(replacement_)) out.text += replacement_;
    std::size_t begin = 0;  // of what is not yet copied
    for (std::size_t at = 0; at < word.size();) {
      const bool is_space = word[at] == ' ';
      const bool is_replacement =
          word[at] == replacement_[0] && word.substr(at).starts_with(replacement_);
      if (!is_space && !is_replacement) {
        ++at;
        continue;
      }
      out.text += word.substr(begin, at - begin);
      if (split_) end_word(out);
      out.text += replacement_;
      begin = at += is_space ? 1 : replacement_.size();
    }
    out.text += word.substr(begin);
    end_word(out);
  }

 private:
  static void end_word(Words& out) {
    const std::size_t begin = out.ends.empty() ? 0 : out.ends.back();
    if (out.text.size() > begin) out.ends.push_back(out.text.size());
  }

  std::string replacement_;
  PrependScheme scheme_;
  bool split_;
};

class WhitespaceMetaspace final : public PreTokenizer {
 public:
  explicit WhitespaceMetaspace(const MetaspaceOptions& options) : metaspace_(options) {
    if (options.prepend_scheme == PrependScheme::kFirst)
      throw std::invalid_argument("WhitespaceSplit and Metaspace with prepend_scheme first");
  }

  void apply(std::string_view text, bool /*first*/, Words& out) const override {
    for_each_word(text, [&](std::string_view word) { metaspace_.apply(word, false, out); });
  }

 private:
  Metaspace metaspace_;
};

}  // namespace

PreTokenizerPtr make_metaspace(const MetaspaceOptions& options) {
  return std::make_unique<Metaspace>(options);
}

PreTokenizerPtr make_whitespace_metaspace(const MetaspaceOptions& options) {
  return std::make_unique<WhitespaceMetaspace>(options);
}

}  // namespace rerank
