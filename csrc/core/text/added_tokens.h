// Added tokens: strings that are found in the text before the model sees it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rerank {

struct AddedToken {
  std::string content;  // normalized, if it is to match normalized text
  std::int32_t id = 0;
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // takes the whitespace before it
  bool rstrip = false;       // and after it
};

// A stretch of a text: an added token, or what lies between two.
struct Segment {
  std::string_view text;
  std::optional<std::int32_t> token;
};

// The leftmost longest matches (Aho and Corasick's question; the tokens are few and short, so that a
// sorted list and the first byte answer it).
class AddedTokens {
 public:
  // Of two with one content the first counts. Throws std::invalid_argument for an empty content.
  explicit AddedTokens(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }
  bool may_take_spaces() const;  // within any of the tokens or around it

  // Gives the segments of a text one after another; none is empty.
  class Cursor {
   public:
    Cursor(const AddedTokens& tokens, std::string_view text) : tokens_(tokens), text_(text) {}
    std::optional<Segment> next();

   private:
    struct Match {
      std::size_t begin;
      std::size_t end;
      std::int32_t id;
    };
    std::optional<Match> find();

    const AddedTokens& tokens_;
    std::string_view text_;
    std::size_t done_ = 0;       // segments were given up to here
    std::size_t searched_ = 0;   // and matches were looked for up to here
    std::size_t space_end_ = 0;  // of the space that an rstrip found last
    std::optional<Match> waiting_;
  };

 private:
  static constexpr std::size_t kNone = SIZE_MAX;

  const AddedToken* longest_at(std::string_view rest) const;

  std::vector<AddedToken> tokens_;     // by content
  std::vector<std::size_t> prefixes_;  // of each, the longest other one it begins with
  std::array<bool, 256> starts_{};     // the first bytes
};

}  // namespace rerank
