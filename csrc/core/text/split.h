// The Split pre-tokenizer: cuts at the matches of a literal string or of a known regular expression.
#pragma once

#include <string>
#include <string_view>

#include "core/text/pre_tokenizer.h"

namespace rerank {

// What becomes of a match, as tokenizer.json says it: "Removed", "Isolated" and so on.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };
SplitBehavior split_behavior(std::string_view name);

// `invert` swaps matches and what lies between them. An empty or over-long pattern, or a regular
// expression that find_matcher does not know, throws std::invalid_argument.
PreTokenizerPtr make_literal_split(std::string pattern, SplitBehavior behavior, bool invert);
PreTokenizerPtr make_regex_split(std::string_view regex, SplitBehavior behavior, bool invert);

// Hands the parts of a text on as words, according to the behavior.
class Splitter {
 public:
  Splitter(std::string_view text, SplitBehavior behavior, Words& out)
      : text_(text), behavior_(behavior), out_(out) {}

  // The next part, up to `end`; parts follow each other without a gap and none is empty.
  void add(std::size_t end, bool is_match);
  void finish();  // after the last part

 private:
  bool joins(bool is_match) const;

  std::string_view text_;
  SplitBehavior behavior_;
  Words& out_;
  std::size_t begin_ = 0;  // of the pending word
  std::size_t end_ = 0;
  bool last_was_match_ = false;
};

}  // namespace rerank
