// The regular expressions simple enough for a hand-written matcher: one character class, repeated.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace rerank {

// The code points that one element of a regular expression matches.
class CharacterSet {
 public:
  void add(char32_t first, char32_t last) { ranges_.emplace_back(first, last); }
  void add_properties(std::uint16_t properties) { properties_ |= properties; }
  void invert() { inverted_ = true; }
  void close();  // nothing is added afterwards

  bool contains(char32_t c) const { return c < 0x80 ? ascii_[c] : search(c); }

  // The only one, if the set was made of one code point.
  std::optional<char32_t> single() const;

 private:
  bool search(char32_t c) const;

  std::vector<std::pair<char32_t, char32_t>> ranges_;  // both ends are in
  std::uint16_t properties_ = 0;                       // UnicodeProperty
  bool inverted_ = false;
  std::bitset<0x80> ascii_;
};

// As many code points of the set as there are, up to `most`; a match if there are `least`.
struct CharacterRun {
  CharacterSet set;
  std::size_t least = 1;
  std::size_t most = 1;
};

// The elements of a regular expression (Oniguruma's syntax, valid UTF-8), of which each must be a
// character, \s, \w, \p{L}, \p{N}, \p{M} or a class of these, alone or with +, {n}, {n,} or {n,m}.
// Everything else throws std::invalid_argument.
std::vector<CharacterRun> parse_character_runs(std::string_view regex);

}  // namespace rerank
