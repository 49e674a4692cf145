#include "core/ranking.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

namespace rerank {

double sigmoid(double logit) {
  const double small = std::exp(-std::abs(logit));
  return (logit >= 0 ? 1.0 : small) / (1.0 + small);
}

std::vector<std::int64_t> rank(std::span<const float> logits, std::size_t top_n) {
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (std::isnan(logits[i]))
      throw std::invalid_argument("logits[" + std::to_string(i) + "] is NaN and has no rank");

  std::vector<std::int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  top_n = std::min(top_n, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top_n), order.end(),
                    [&](std::int64_t a, std::int64_t b) {
                      const float left = logits[static_cast<std::size_t>(a)];
                      const float right = logits[static_cast<std::size_t>(b)];
                      return left != right ? left > right : a < b;
                    });
  order.resize(top_n);
  return order;
}

}  // namespace rerank
