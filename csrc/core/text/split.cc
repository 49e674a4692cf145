#include "core/text/split.h"

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <utility>

#include "core/text/split_patterns.h"
#include "core/text/utf8.h"

namespace rerank {
namespace {

constexpr std::size_t kLongestPattern = 256;  // bytes; the time is linear in text times pattern

// Calls add(end, is_match) for the parts of a text, none of which is empty.
template <class Find, class Add>
void for_each_part(std::string_view text, const Find& find, const Add& add) {
  for (std::size_t at = 0; at < text.size();) {
    const Match match = find(at);
    if (match.begin > at) add(match.begin, false);
    if (match.end > match.begin) add(match.end, true);
    at = match.end;
  }
}

template <class Pattern>
class Split final : public PreTokenizer {
 public:
  Split(Pattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  void apply(std::string_view word, bool /*first*/, Words& out) const override {
    const auto find = [&](std::size_t at) { return pattern_.find(word, at); };
    if (behavior_ == SplitBehavior::kIsolated) {  // every part is a word: the common case
      const std::size_t start = out.text.size();
      out.text += word;
      for_each_part(word, find, [&](std::size_t end, bool) { out.ends.push_back(start + end); });
      return;
    }
    Splitter splitter(word, behavior_, out);
    for_each_part(word, find,
                  [&](std::size_t end, bool is_match) { splitter.add(end, is_match != invert_); });
    splitter.finish();
  }

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

struct Literal {
  std::string text;

  Match find(std::string_view in, std::size_t at) const {
    const std::size_t begin = in.find(text, at);
    return begin == std::string_view::npos ? Match{in.size(), in.size()}
                                           : Match{begin, begin + text.size()};
  }
};

struct Regex {
  Matcher matcher;

  Match find(std::string_view in, std::size_t at) const { return matcher(in, at); }
};

}  // namespace

SplitBehavior split_behavior(std::string_view name) {
  using enum SplitBehavior;
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kNames = {
      {{"Removed", kRemoved},
       {"Isolated", kIsolated},
       {"MergedWithPrevious", kMergedWithPrevious},
       {"MergedWithNext", kMergedWithNext},
       {"Contiguous", kContiguous}}};
  const auto found = std::find_if(kNames.begin(), kNames.end(),
                                  [&](const auto& known) { return known.first == name; });
  if (found == kNames.end())
    throw std::invalid_argument("a split cannot be \"" + std::string(name) + "\"");
  return found->second;
}

// Whether the next part belongs to the pending word.
bool Splitter::joins(bool is_match) const {
  switch (behavior_) {
    case SplitBehavior::kMergedWithPrevious:
      return is_match && !last_was_match_;
    case SplitBehavior::kMergedWithNext:
      return !is_match && last_was_match_;
    case SplitBehavior::kContiguous:
      return is_match == last_was_match_;
    default:
      return false;
  }
}

void Splitter::add(std::size_t end, bool is_match) {
  if (!joins(is_match)) finish();
  end_ = end;
  last_was_match_ = is_match;
}

void Splitter::finish() {
  if (behavior_ != SplitBehavior::kRemoved || !last_was_match_)
    out_.add(text_.substr(begin_, end_ - begin_));
  begin_ = end_;
}

PreTokenizerPtr make_literal_split(std::string pattern, SplitBehavior behavior, bool invert) {
  if (pattern.empty() || pattern.size() > kLongestPattern)
    throw std::invalid_argument("the pattern of a split has " + std::to_string(pattern.size()) +
                                " bytes, allowed are 1 to " + std::to_string(kLongestPattern));
  if (!is_valid_utf8(pattern)) throw std::invalid_argument("the pattern of a split is not UTF-8");
  return std::make_unique<Split<Literal>>(Literal{std::move(pattern)}, behavior, invert);
}

PreTokenizerPtr make_regex_split(std::string_view regex, SplitBehavior behavior, bool invert) {
  const Matcher matcher = find_matcher(regex);
  if (matcher == nullptr)
    throw std::invalid_argument("the regular expression \"" + std::string(regex) +
                                "\" is not known");
  return std::make_unique<Split<Regex>>(Regex{matcher}, behavior, invert);
}

}  // namespace rerank
