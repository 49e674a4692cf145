#include "core/text/byte_level.h"

#include <memory>

#include "core/text/word_scanners.h"

namespace rerank {
namespace {

// A printable byte of Latin-1 stands for itself; the n-th of the others is U+0100 + n.
constexpr bool is_printable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
}

struct Alphabet {
  std::array<char32_t, 256> code_points = {};
  std::array<int, 512> bytes = {};
};
constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.bytes.fill(-1);
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char32_t code_point = is_printable(byte) ? char32_t{byte} : next++;
    alphabet.code_points[byte] = code_point;
    alphabet.bytes[code_point] = static_cast<int>(byte);
  }
  return alphabet;
}
constexpr Alphabet kAlphabet = make_alphabet();

class ByteLevel final : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space), use_regex_(use_regex) {}

  void apply(std::string_view word, bool /*first*/, Words& out) const override {
    if (word.empty()) return;
    const std::size_t start = out.text.size();
    if (add_prefix_space_ && word[0] != ' ') out.text.push_back(' ');
    out.text += word;
    if (!use_regex_) {
      out.ends.push_back(out.text.size());
      return;
    }
    const std::string_view text = std::string_view(out.text).substr(start);
    for (std::size_t at = 0; at < text.size();) {
      at = match_gpt2(text, at).end;  // its matches leave no gap
      out.ends.push_back(start + at);
    }
  }

 private:
  bool add_prefix_space_;
  bool use_regex_;
};

}  // namespace

PreTokenizerPtr make_byte_level(bool add_prefix_space, bool use_regex) {
  if (!add_prefix_space && !use_regex) return nullptr;
  return std::make_unique<ByteLevel>(add_prefix_space, use_regex);
}

char32_t byte_to_alphabet(unsigned char byte) { return kAlphabet.code_points[byte]; }

int alphabet_to_byte(char32_t code_point) {
  return code_point < kAlphabet.bytes.size() ? kAlphabet.bytes[code_point] : -1;
}

}  // namespace rerank
