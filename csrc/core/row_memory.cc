#include "core/row_memory.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace rerank {

RowMemory::RowMemory(std::vector<std::pair<std::int64_t, std::int64_t>> seen)
    : seen_(std::move(seen)) {
  std::pair<std::int64_t, std::int64_t> last{0, 0};
  for (const auto& point : seen_) {
    if (point.first <= last.first || point.second < last.second)
      throw std::invalid_argument("widths and their bytes must ascend");
    last = point;
  }
}

std::int64_t RowMemory::bytes(std::int64_t width) const {
  if (seen_.empty()) return 0;
  const auto above =
      std::lower_bound(seen_.begin(), seen_.end(), width,
                       [](const auto& point, std::int64_t wanted) { return point.first < wanted; });
  if (above == seen_.begin()) return seen_.front().second;
  const auto& [low, low_bytes] = *(above - 1);
  if (above == seen_.end()) {
    const double times = static_cast<double>(width) / static_cast<double>(low);
    return static_cast<std::int64_t>(std::ceil(static_cast<double>(low_bytes) * times * times));
  }
  const auto& [high, high_bytes] = *above;
  const double part = static_cast<double>(width - low) / static_cast<double>(high - low);
  return low_bytes +
         static_cast<std::int64_t>(std::ceil(static_cast<double>(high_bytes - low_bytes) * part));
}

}  // namespace rerank
