#include "core/text/unicode.h"

#include <algorithm>
#include <vector>

#include "core/text/utf8.h"

namespace rerank {
namespace {

using unicode::record;

// Hangul syllables are arithmetic: leading consonant, vowel, and a trailing consonant or none
// (The Unicode Standard, section 3.12).
constexpr char32_t kSyllables = 0xAC00;
constexpr char32_t kLeading = 0x1100;
constexpr char32_t kVowels = 0x1161;
constexpr char32_t kTrailing = 0x11A7;  // the one before the first: none
constexpr char32_t kNumLeading = 19;
constexpr char32_t kNumVowels = 21;
constexpr char32_t kNumTrailing = 28;
constexpr char32_t kNumSyllables = kNumLeading * kNumVowels * kNumTrailing;

struct Scalar {
  char32_t value;
  std::uint8_t combining_class;
};

// Decomposed text, in which nothing interacts with what is before or behind.
struct Segment {
  std::vector<Scalar> scalars;
  bool is_ordered = true;

  void clear() {
    scalars.clear();
    is_ordered = true;
  }
  void add(Scalar scalar) {
    if (scalar.combining_class != 0 && !scalars.empty() &&
        scalar.combining_class < scalars.back().combining_class)
      is_ordered = false;
    scalars.push_back(scalar);
  }
  void add(char32_t value) { add({value, record(value).combining_class}); }
};

void decompose(char32_t value, bool compatibly, Segment& segment) {
  if (const char32_t syllable = value - kSyllables; syllable < kNumSyllables) {
    segment.add(Scalar{kLeading + syllable / (kNumVowels * kNumTrailing), 0});
    segment.add(Scalar{kVowels + syllable / kNumTrailing % kNumVowels, 0});
    if (const char32_t trailing = syllable % kNumTrailing; trailing != 0)
      segment.add(Scalar{kTrailing + trailing, 0});
    return;
  }
  const std::size_t place =
      unicode::find(unicode::kDecompositionIndex, unicode::kDecompositionPages, value);
  const std::size_t canonical = unicode::kDecompositions[place];
  const std::size_t compatible = unicode::kDecompositions[place + 1];
  const std::size_t begin = place + 2 + (compatibly && compatible != 0 ? canonical : 0);
  const std::size_t size = compatibly && compatible != 0 ? compatible : canonical;
  if (size == 0) return segment.add(value);
  for (std::size_t i = 0; i < size; ++i) segment.add(unicode::kDecompositions[begin + i]);
}

// The Canonical Ordering Algorithm: marks by class, those of one class as they stand.
void order_marks(std::vector<Scalar>& scalars) {
  const auto is_starter = [](const Scalar& scalar) { return scalar.combining_class == 0; };
  const auto by_class = [](const Scalar& a, const Scalar& b) {
    return a.combining_class < b.combining_class;
  };
  for (auto begin = scalars.begin(); begin != scalars.end();) {
    begin = std::find_if_not(begin, scalars.end(), is_starter);
    const auto end = std::find_if(begin, scalars.end(), is_starter);
    if (!std::is_sorted(begin, end, by_class)) std::stable_sort(begin, end, by_class);
    begin = end;
  }
}

// 0: the two do not compose.
char32_t compose_pair(char32_t first, char32_t second) {
  if ((record(second).forms & unicode::kIsSecond) == 0) return 0;
  if (first - kLeading < kNumLeading && second - kVowels < kNumVowels)
    return kSyllables + ((first - kLeading) * kNumVowels + (second - kVowels)) * kNumTrailing;
  if (first - kSyllables < kNumSyllables && (first - kSyllables) % kNumTrailing == 0 &&
      second - kTrailing < kNumTrailing)
    return first + (second - kTrailing);
  const auto before = [](const unicode::Composition& a, const unicode::Composition& b) {
    return a.first != b.first ? a.first < b.first : a.second < b.second;
  };
  const unicode::Composition wanted = {first, second, 0};
  const auto found = std::lower_bound(unicode::kCompositions.begin(), unicode::kCompositions.end(),
                                      wanted, before);
  if (found == unicode::kCompositions.end() || before(wanted, *found)) return 0;
  return found->composed;
}

// The Canonical Composition Algorithm: a code point joins the last starter unless one that remains
// between them has its class or a higher one.
void compose(std::vector<Scalar>& scalars) {
  std::size_t size = 0;
  std::size_t starter = scalars.size();  // none yet
  bool adjacent = false;                 // nothing remains between the starter and the code point
  std::uint8_t between = 0;              // else the class of the last one that does
  for (const Scalar scalar : scalars) {
    if (starter < size && (adjacent || between < scalar.combining_class)) {
      const char32_t composed = compose_pair(scalars[starter].value, scalar.value);
      if (composed != 0) {
        scalars[starter].value = composed;
        continue;
      }
    }
    if (scalar.combining_class == 0) starter = size;
    adjacent = scalar.combining_class == 0;
    between = scalar.combining_class;
    scalars[size++] = scalar;
  }
  scalars.resize(size);
}

// As append() of utf8.h for each, with one change of size.
void append_all(const std::vector<Scalar>& scalars, std::string& out) {
  std::size_t size = out.size();
  out.resize(size + 4 * scalars.size());
  const auto put = [&](char32_t byte) { out[size++] = static_cast<char>(byte); };
  for (const auto& [value, combining_class] : scalars) {
    if (value < 0x80) {
      put(value);
      continue;
    }
    if (value < 0x800) {
      put(0xC0 | value >> 6);
    } else {
      if (value < 0x10000) {
        put(0xE0 | value >> 12);
      } else {
        put(0xF0 | value >> 18);
        put(0x80 | (value >> 12 & 0x3F));
      }
      put(0x80 | (value >> 6 & 0x3F));
    }
    put(0x80 | (value & 0x3F));
  }
  out.resize(size);
}

std::string normalized(std::string_view text, NormalForm form) {
  std::string out;
  out.reserve(text.size());
  normalize(text, form, out);
  return out;
}

}  // namespace

bool is_rust_word(char32_t code_point) {
  if (code_point < 0x80) return has(code_point, kRegexWord);
  constexpr std::u32string_view kJoinControls = U"\u200C\u200D";
  constexpr std::u32string_view kLatin1Numbers = U"\u00B2\u00B3\u00B9\u00BC\u00BD\u00BE";
  return kJoinControls.find(code_point) != std::u32string_view::npos ||
         (has(code_point, kRegexWord) &&
          kLatin1Numbers.find(code_point) == std::u32string_view::npos);
}

void normalize(std::string_view text, NormalForm form, std::string& out) {
  const unsigned is_form = 1U << static_cast<unsigned>(form);  // of unicode::FormBits
  const bool compatibly = form == NormalForm::kNfkd || form == NormalForm::kNfkc;
  const bool composed = form == NormalForm::kNfc || form == NormalForm::kNfkc;
  Segment segment;
  std::size_t copied = 0;    // what stands before is in `out`
  std::size_t boundary = 0;  // the last place where nothing interacts across
  std::uint8_t last_class = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (is_ascii(text[at])) {
      boundary = at++;
      last_class = 0;
      continue;
    }
    const CodePoint next = decode(text, at);
    const auto& known = record(next.value);
    const bool starter = known.combining_class == 0;
    if ((known.forms & is_form) != 0 && (starter || known.combining_class >= last_class)) {
      if (starter) boundary = at;
      last_class = known.combining_class;
      at += next.size;
      continue;
    }
    out += text.substr(copied, boundary - copied);
    segment.clear();
    for (std::size_t i = boundary; i < text.size();) {
      const CodePoint part = decode(text, i);
      const auto& of_part = record(part.value);
      if (i > at && of_part.combining_class == 0 && (of_part.forms & is_form) != 0) break;
      decompose(part.value, compatibly, segment);
      i += part.size;
      copied = i;
    }
    if (!segment.is_ordered) order_marks(segment.scalars);
    if (composed) compose(segment.scalars);
    append_all(segment.scalars, out);
    at = boundary = copied;
    last_class = 0;
  }
  out += text.substr(copied);
}

std::string nfd(std::string_view text) { return normalized(text, NormalForm::kNfd); }
std::string nfc(std::string_view text) { return normalized(text, NormalForm::kNfc); }
std::string nfkd(std::string_view text) { return normalized(text, NormalForm::kNfkd); }
std::string nfkc(std::string_view text) { return normalized(text, NormalForm::kNfkc); }

}  // namespace rerank
