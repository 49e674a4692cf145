// The regular expressions by which tokenizer.json files cut a text, recognised by their exact words and
// matched by hand-written scanners that give what the library's engine (Oniguruma) finds.
#pragma once

#include <cstddef>
#include <string_view>

namespace rerank {

struct Match {
  std::size_t begin;
  std::size_t end;
};

// The leftmost match at or after `at`, which must be below text.size(); empty, at the end of the
// text, if there is none. Going from match to match takes time linear in the text.
using Matcher = Match (*)(std::string_view text, std::size_t at);

// Null for an expression that is not known here.
Matcher find_matcher(std::string_view regex);

// Whether a known expression cuts before every single space between ASCII letters or digits; all that
// do not leave the space where it is and match within what is on one side of it.
bool splits_at_spaces(std::string_view regex);

}  // namespace rerank
