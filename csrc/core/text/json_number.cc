#include "core/text/json_number.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

namespace rerank {
namespace {

constexpr std::int64_t kMostExponent = 308;

// 1e0 to 1e308, each the nearest double.
double power_of_ten(std::int64_t exponent) {
  static const std::array<double, kMostExponent + 1> powers = [] {
    std::array<double, kMostExponent + 1> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = std::stod("1e" + std::to_string(i));
    return all;
  }();
  return powers[static_cast<std::size_t>(exponent)];
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  double number() {
    const bool is_negative = accept('-');
    if (!is_digit() || (peek() == '0' && is_digit(1))) refuse("is not a JSON number");
    while (is_digit() && push()) advance();
    for (; is_digit(); advance()) ++exponent_;  // digits beyond 64 bits count, but only that
    if (accept('.')) {
      if (!is_digit()) refuse("is not a JSON number");
      for (; is_digit() && push(); advance()) --exponent_;
      while (is_digit()) advance();
    }
    if (accept('e') || accept('E')) exponent_ += power();
    if (at_ != text_.size()) refuse("is not a JSON number");
    return is_negative ? -scaled() : scaled();
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool is_digit(std::size_t ahead = 0) const { return peek(ahead) >= '0' && peek(ahead) <= '9'; }
  void advance() { ++at_; }
  bool accept(char c) {
    const bool found = peek() == c;
    if (found) advance();
    return found;
  }

  // The digit here becomes the last of the significand if there is room for it.
  bool push() {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    const auto digit = static_cast<std::uint64_t>(peek() - '0');
    if (significand_ > kMost / 10 || (significand_ == kMost / 10 && digit > kMost % 10))
      return false;
    significand_ = significand_ * 10 + digit;
    return true;
  }

  std::int64_t power() {
    constexpr std::int64_t kMost = std::int64_t{1}
                                   << 40;  // any power so large gives zero or infinity
    const bool is_negative = peek() == '-';
    if (is_negative || peek() == '+') advance();
    if (!is_digit()) refuse("is not a JSON number");
    std::int64_t power = 0;
    for (; is_digit(); advance()) power = std::min(power * 10 + (peek() - '0'), kMost);
    return is_negative ? -power : power;
  }

  double scaled() {
    auto value = static_cast<double>(significand_);
    for (; value != 0 && exponent_ < -kMostExponent; exponent_ += kMostExponent)
      value /= power_of_ten(kMostExponent);
    if (value == 0 || exponent_ == 0) return value;
    if (exponent_ < 0) return value / power_of_ten(-exponent_);
    if (exponent_ > kMostExponent) refuse("is beyond the doubles");
    value *= power_of_ten(exponent_);
    if (std::isinf(value)) refuse("is beyond the doubles");
    return value;
  }

  [[noreturn]] void refuse(const char* problem) const {
    throw std::invalid_argument("'" + std::string(text_.substr(0, 40)) + "' " + problem);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint64_t significand_ = 0;
  std::int64_t exponent_ = 0;
};

}  // namespace

double json_number(std::string_view text) { return Reader(text).number(); }

}  // namespace rerank
