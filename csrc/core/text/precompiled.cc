#include "core/text/precompiled.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/text/unicode.h"
#include "core/text/unicode_tables.h"
#include "core/text/utf8.h"

namespace rerank {
namespace {

constexpr std::size_t kMostClusterBytes = 5;  // of a cluster that is looked up as a whole

// A node of darts-clone: its children are at its offset XOR their label; a leaf beside them has the
// value.
struct Unit {
  std::uint32_t bits;

  bool has_leaf() const { return (bits >> 8 & 1) != 0; }
  std::uint32_t value() const { return bits & 0x7FFFFFFF; }
  std::uint32_t label() const { return bits & 0x800000FF; }  // no byte, in a leaf
  std::uint32_t offset() const { return bits >> 10 << ((bits & 1U << 9) >> 6); }
};

std::uint32_t load(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// Two of these are never in one cluster when they stand side by side: UAX #29 joins them only to code
// points of the other classes.
bool stands_alone(char32_t code_point) {
  using enum unicode::GraphemeClass;
  switch (unicode::record(code_point).grapheme) {
    case kOther:
    case kLf:
    case kControl:
    case kHangulSyllable:
    case kPictographic:
    case kConsonant:
      return true;
    default:
      return false;
  }
}

class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(std::string_view charsmap) {
    if (charsmap.size() < 4) throw std::invalid_argument("the charsmap has no size");
    const std::size_t num_units = load(charsmap) / 4;
    charsmap.remove_prefix(4);
    if (num_units == 0) throw std::invalid_argument("the charsmap has no trie");
    if (charsmap.size() / 4 < num_units)
      throw std::invalid_argument("the trie of the charsmap has " + std::to_string(num_units * 4) +
                                  " bytes, but only " + std::to_string(charsmap.size()) +
                                  " follow");
    trie_.reserve(num_units);
    for (std::size_t i = 0; i < num_units; ++i) trie_.push_back({load(charsmap.substr(i * 4, 4))});
    replacements_ = charsmap.substr(num_units * 4);
    if (!is_valid_utf8(replacements_))
      throw std::invalid_argument("the replacements of the charsmap are not UTF-8");

    std::string text;
    for (char32_t c = 0; c < kinds_.size(); ++c) {
      if (c >= 0xD800 && c < 0xE000) continue;
      text.clear();
      append(text, c);
      if (stands_alone(c)) kinds_[c] = find(text) ? Kind::kReplaced : Kind::kKept;
    }
  }

  void apply(std::string_view text, std::string& out) const override {
    std::size_t copied = 0;   // what stands before it is written
    std::size_t cluster = 0;  // where one begins: at `at`, or, if that joins, one code point before
    const auto replace = [&](std::size_t begin, std::size_t end) {
      const auto replacement = find(text.substr(begin, end - begin));
      if (!replacement) return false;
      out += text.substr(copied, begin - copied);
      out += *replacement;
      copied = end;
      return true;
    };
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint c = decode(text, at);
      const Kind kind = kind_of(c.value);
      if (kind == Kind::kKept) {
        cluster = at;
        at += c.size;
        continue;
      }
      if (kind == Kind::kReplaced) cluster = at;
      const std::size_t end = grapheme_end(text, cluster);
      if (end - cluster > kMostClusterBytes || !replace(cluster, end))
        for (std::size_t part = cluster; part < end;) {
          const std::size_t next = part + decode(text, part).size;
          replace(part, next);
          part = next;
        }
      cluster = at = end;
    }
    out += text.substr(copied);
  }

 private:
  enum class Kind : std::uint8_t {
    kJoins,     // may be in one cluster with what stands around it
    kKept,      // stands alone, and no rule has it
    kReplaced,  // stands alone
  };

  Kind kind_of(char32_t code_point) const {
    return code_point < kinds_.size() ? kinds_[code_point] : Kind::kJoins;
  }

  // What stands for the shortest text of the trie that `text` begins with.
  std::optional<std::string_view> find(std::string_view text) const {
    std::size_t node = trie_[0].offset();
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      node ^= byte;
      if (byte == 0 || node >= trie_.size() || trie_[node].label() != byte) return std::nullopt;
      const Unit unit = trie_[node];
      node ^= unit.offset();
      if (unit.has_leaf()) return node < trie_.size() ? at(trie_[node].value()) : std::nullopt;
    }
    return std::nullopt;
  }

  std::optional<std::string_view> at(std::size_t begin) const {
    if (begin > replacements_.size()) return std::nullopt;
    const std::string_view rest = std::string_view(replacements_).substr(begin);
    if (!rest.empty() && is_continuation(rest[0])) return std::nullopt;
    return rest.substr(0, rest.find('\0'));
  }

  std::vector<Unit> trie_;
  std::string replacements_;
  std::array<Kind, 0x10000> kinds_{};  // of the code points of the basic plane
};

}  // namespace

NormalizerPtr make_precompiled(std::string_view charsmap) {
  return std::make_unique<Precompiled>(charsmap);
}

bool keeps_ascii_words(const Normalizer& normalizer) {
  constexpr std::string_view kText =
      " 0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz ";
  std::string normalized;
  normalizer.apply(kText, normalized);
  return normalized == kText;
}

}  // namespace rerank
