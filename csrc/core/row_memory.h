// How much memory a row takes while it runs, from what was seen at some widths.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace rerank {

class RowMemory {
 public:
  RowMemory() = default;  // rows take none

  // Pairs of width and bytes, both ascending. Throws std::invalid_argument where they are not.
  explicit RowMemory(std::vector<std::pair<std::int64_t, std::int64_t>> seen);

  // At the least what such a row takes: activations grow with the width or with its square, so the
  // chord between two widths lies above them, and beyond the last they are at most as its square.
  std::int64_t bytes(std::int64_t width) const;

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> seen_;
};

}  // namespace rerank
