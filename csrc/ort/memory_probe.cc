#include "ort/memory_probe.h"

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "ort/counted_memory.h"
#include "ort/session.h"

namespace rerank::ort {
namespace {

constexpr std::int64_t kLeastWidth = 16;
constexpr std::chrono::seconds kLong{2};

}  // namespace

std::vector<std::pair<std::int64_t, std::int64_t>> probe_memory(const Library& library,
                                                                SessionConfig config,
                                                                std::int64_t max_width,
                                                                std::int64_t id) {
  config.counts_memory = true;
  config.shares_weights = false;
  const CrossEncoder model(library, std::move(config));
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;
  for (std::int64_t width = std::min(kLeastWidth, max_width);;
       width = std::min(width * 2, max_width)) {
    const auto tokens = static_cast<std::size_t>(width);
    const std::vector<std::int64_t> ids(tokens, id);
    const std::vector<std::int64_t> ones(tokens, 1);
    const std::vector<std::int64_t> zeros(tokens, 0);
    float logit = 0;
    const auto start = std::chrono::steady_clock::now();
    const MemoryPeak peak;
    model.run({1, width, ids.data(), ones.data(), zeros.data(), {&width, 1}}, {&logit, 1});
    seen.emplace_back(width, peak.bytes());
    if (width == max_width || std::chrono::steady_clock::now() - start > kLong) return seen;
  }
}

}  // namespace rerank::ort
