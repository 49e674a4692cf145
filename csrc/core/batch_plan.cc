#include "core/batch_plan.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

namespace rerank {

BatchPlan plan_batches(std::span<const std::int64_t> lengths, const PlanLimits& limits) {
  if (limits.max_batch_tokens < 1 || limits.max_batch_rows < 1 || limits.width_multiple < 1 ||
      limits.max_width < 1 || limits.workers < 1 || limits.memory_limit < 1)
    throw std::invalid_argument("every limit of a plan must be at least 1");

  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> widths(lengths.size());
  std::int64_t total = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] < 1 || lengths[i] > limits.max_width)
      throw std::invalid_argument("row " + std::to_string(i) + " has " +
                                  std::to_string(lengths[i]) + " tokens, allowed are 1 to " +
                                  std::to_string(limits.max_width));
    const std::int64_t over = lengths[i] % limits.width_multiple;
    const std::int64_t pad = over == 0 ? 0 : limits.width_multiple - over;
    widths[i] = lengths[i] + std::min(pad, limits.max_width - lengths[i]);
    total = std::min(total, kMost - widths[i]) + widths[i];  // a sum that may not fit
  }

  BatchPlan plan;
  plan.order.resize(lengths.size());
  std::iota(plan.order.begin(), plan.order.end(), std::int64_t{0});
  const auto width_of = [&](std::int64_t row) { return widths[static_cast<std::size_t>(row)]; };
  // Widest first: the longest runs start early, so the workers finish together.
  std::stable_sort(plan.order.begin(), plan.order.end(),
                   [&](std::int64_t a, std::int64_t b) { return width_of(a) > width_of(b); });

  const std::int64_t share = total / limits.workers + (total % limits.workers != 0 ? 1 : 0);
  const std::int64_t budget = std::min(limits.max_batch_tokens, std::max(share, std::int64_t{1}));
  const auto num_rows = static_cast<std::int64_t>(plan.order.size());
  for (std::int64_t begin = 0; begin < num_rows;) {
    const std::int64_t width = width_of(plan.order[static_cast<std::size_t>(begin)]);
    const std::int64_t bytes = std::max(limits.row_memory.bytes(width), std::int64_t{1});
    const std::int64_t fit = limits.memory_limit / limits.workers / bytes;
    const std::int64_t most = std::min(limits.max_batch_rows, std::max(fit, std::int64_t{1}));
    std::int64_t tokens = width;
    std::int64_t end = begin + 1;
    for (; end < num_rows && end - begin < most; ++end) {
      const std::int64_t next = width_of(plan.order[static_cast<std::size_t>(end)]);
      if ((next != width && !limits.packs) || next > budget - tokens) break;
      tokens += next;
    }
    plan.batches.push_back({begin, end - begin, width, tokens});
    begin = end;
  }
  return plan;
}

}  // namespace rerank
