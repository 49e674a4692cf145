#include "core/text/character_run.h"

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>
#include <string>

#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace rerank {

void CharacterSet::close() {
  for (char32_t c = 0; c < ascii_.size(); ++c) ascii_[c] = search(c);
}

std::optional<char32_t> CharacterSet::single() const {
  if (inverted_ || properties_ != 0 || ranges_.size() != 1) return std::nullopt;
  const auto [first, last] = ranges_.front();
  return first == last ? std::optional(first) : std::nullopt;
}

bool CharacterSet::search(char32_t c) const {
  const auto holds = [&](const auto& range) { return range.first <= c && c <= range.second; };
  const bool found = std::any_of(ranges_.begin(), ranges_.end(), holds) || has(c, properties_);
  return found != inverted_;
}

namespace {

constexpr std::size_t kMaxCount = 1000;  // of a repetition
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

class Parser {
 public:
  explicit Parser(std::string_view regex) : regex_(regex) {}

  std::vector<CharacterRun> parse() {
    std::vector<CharacterRun> runs;
    while (at_ < regex_.size()) {
      CharacterRun& run = runs.emplace_back();
      if (take("["))
        parse_class(run.set);
      else
        parse_one(run.set);
      run.set.close();
      parse_repetition(run);
    }
    return runs;
  }

 private:
  [[noreturn]] void refuse() const {
    throw std::invalid_argument("the regular expression \"" + std::string(regex_) +
                                "\" is not implemented");
  }

  bool take(std::string_view word) {
    const bool found = regex_.substr(at_).starts_with(word);
    if (found) at_ += word.size();
    return found;
  }

  bool take_property(CharacterSet& set) {
    constexpr std::array<std::pair<std::string_view, UnicodeProperty>, 4> kProperties = {
        {{"\\s", kRegexSpace}, {"\\p{L}", kLetter}, {"\\p{N}", kNumber}, {"\\p{M}", kRegexMark}}};
    for (const auto& [name, property] : kProperties)
      if (take(name)) {
        set.add_properties(property);
        return true;
      }
    return false;
  }

  // A character that is none of the special ones, or an escaped one.
  char32_t take_character(std::string_view special) {
    const char32_t c = take_any();
    if (c != '\\') {
      if (is_one_of(special, c)) refuse();
      return c;
    }
    const char32_t escaped = take_any();
    if (escaped == 'n') return U'\n';
    if (escaped == 'r') return U'\r';
    if (escaped == 't') return U'\t';
    if (escaped == 'f') return U'\f';
    if (!is_one_of("!\"#$%&'()*+,-./:;=?@[\\]^_`{|}~ ", escaped)) refuse();
    return escaped;
  }

  char32_t take_any() {
    if (at_ == regex_.size()) refuse();
    const CodePoint next = decode(regex_, at_);
    at_ += next.size;
    return next.value;
  }

  static bool is_one_of(std::string_view ascii, char32_t c) {
    return c < 0x80 && ascii.find(static_cast<char>(c)) != std::string_view::npos;
  }

  void parse_one(CharacterSet& set) {
    if (take_property(set)) return;
    if (take("\\w")) return set.add_properties(kRegexWord);  // Oniguruma's [\w] is another set
    const char32_t c = take_character(".*?+^${}[]()|");
    set.add(c, c);
  }

  void parse_class(CharacterSet& set) {
    constexpr std::string_view kSpecial = "[]-&^";
    if (take("^")) set.invert();
    do {
      if (take_property(set)) continue;
      const char32_t first = take_character(kSpecial);
      const char32_t last = take("-") ? take_character(kSpecial) : first;
      if (last < first) refuse();
      set.add(first, last);
    } while (!take("]"));
  }

  void parse_repetition(CharacterRun& run) {
    if (take("+")) {
      run.most = kNoLimit;
    } else if (take("{")) {
      run.least = run.most = parse_count();
      if (take(",")) run.most = regex_.substr(at_).starts_with('}') ? kNoLimit : parse_count();
      if (!take("}") || run.most < run.least) refuse();
    }
  }

  std::size_t parse_count() {
    std::size_t count = 0;
    while (at_ < regex_.size() && '0' <= regex_[at_] && regex_[at_] <= '9' && count <= kMaxCount)
      count = count * 10 + static_cast<std::size_t>(regex_[at_++] - '0');
    if (count == 0 || count > kMaxCount) refuse();
    return count;
  }

  std::string_view regex_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<CharacterRun> parse_character_runs(std::string_view regex) {
  return Parser(regex).parse();
}

}  // namespace rerank
