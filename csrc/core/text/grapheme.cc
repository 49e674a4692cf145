// Extended grapheme clusters: the rules GB3 to GB999 of UAX #29, from left to right.
#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace rerank {
namespace {

using unicode::GraphemeClass;
using enum unicode::GraphemeClass;

bool is_control(GraphemeClass c) { return c == kControl || c == kCr || c == kLf; }
bool is_extend(GraphemeClass c) { return c == kExtend || c == kLinker || c == kPlainExtend; }

constexpr char32_t kSyllables = 0xAC00;
constexpr char32_t kNumTrailing = 28;  // Hangul syllables with the same beginning

// What the rules ask of the code points before a place.
class Cluster {
 public:
  void push(char32_t code_point, GraphemeClass c) {
    last_ = c;
    open_syllable_ = c == kHangulSyllable && (code_point - kSyllables) % kNumTrailing == 0;
    if (c == kPictographic)
      emoji_ = Emoji::kPictographic;
    else if (c == kZwj && emoji_ == Emoji::kPictographic)
      emoji_ = Emoji::kJoined;
    else if (!is_extend(c) || emoji_ == Emoji::kJoined)
      emoji_ = Emoji::kNone;
    if (c == kConsonant)
      conjunct_ = Conjunct::kConsonant;
    else if (c == kLinker && conjunct_ != Conjunct::kNone)
      conjunct_ = Conjunct::kLinked;
    else if (c != kExtend && c != kZwj)
      conjunct_ = Conjunct::kNone;
    odd_indicators_ = c == kRegionalIndicator && !odd_indicators_;
  }

  bool joins(GraphemeClass next) const {
    if (last_ == kCr && next == kLf) return true;                              // GB3
    if (is_control(last_) || is_control(next)) return false;                   // GB4, GB5
    if (is_extend(next) || next == kZwj || next == kSpacingMark) return true;  // GB9, GB9a
    if (last_ == kPrepend) return true;                                        // GB9b
    if (next == kConsonant) return conjunct_ == Conjunct::kLinked;             // GB9c
    if (next == kPictographic) return emoji_ == Emoji::kJoined;                // GB11
    if (next == kRegionalIndicator) return odd_indicators_;                    // GB12, GB13
    if (last_ == kHangulL)                                                     // GB6
      return next == kHangulL || next == kHangulV || next == kHangulSyllable;
    if (last_ == kHangulV || open_syllable_) return next == kHangulV || next == kHangulT;  // GB7
    return (last_ == kHangulT || last_ == kHangulSyllable) && next == kHangulT;            // GB8
  }

 private:
  enum class Emoji { kNone, kPictographic, kJoined };
  enum class Conjunct { kNone, kConsonant, kLinked };

  GraphemeClass last_ = kOther;
  bool open_syllable_ = false;
  bool odd_indicators_ = false;
  Emoji emoji_ = Emoji::kNone;
  Conjunct conjunct_ = Conjunct::kNone;
};

}  // namespace

std::size_t grapheme_end(std::string_view text, std::size_t at) {
  if (is_ascii(text[at]) && text[at] != '\r' && (at + 1 == text.size() || is_ascii(text[at + 1])))
    return at + 1;
  Cluster cluster;
  CodePoint next = decode(text, at);
  GraphemeClass next_class = unicode::record(next.value).grapheme;
  do {
    cluster.push(next.value, next_class);
    at += next.size;
    if (at == text.size()) break;
    next = decode(text, at);
    next_class = unicode::record(next.value).grapheme;
  } while (cluster.joins(next_class));
  return at;
}

}  // namespace rerank
