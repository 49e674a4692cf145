// What an engine counts, for those who watch it.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace rerank {

// Sums since the engine was made.
struct Counters {
  std::atomic<std::int64_t> requests{0};
  std::atomic<std::int64_t> batches{0};
  std::atomic<std::int64_t> rows{0};
  std::atomic<std::int64_t> tokens{0};         // without padding
  std::atomic<std::int64_t> padded_tokens{0};  // rows x width
  std::atomic<std::int64_t> run_ns{0};         // inside RunBatch, over all workers
  std::atomic<std::int64_t> wait_ns{0};        // from a request to its first batch
  std::atomic<std::int64_t> truncated{0};      // pairs
  std::atomic<std::int64_t> repeats{0};        // rows not run: equal to another of their request
  std::atomic<std::int64_t> cache_hits{0};     // rows not run: the cache had their logits
  // Calls that did not get what they asked for; those of a closed engine are in none of them.
  std::atomic<std::int64_t> cancelled{0};
  std::atomic<std::int64_t> deadline_exceeded{0};
  std::atomic<std::int64_t> rejected{0};  // by a full queue
  std::atomic<std::int64_t> failed{0};
};

// How fast one worker has been of late.
class Pace {
 public:
  void add(std::int64_t tokens, std::int64_t ns) {
    const std::lock_guard lock(mutex_);
    tokens_ += static_cast<double>(tokens);
    ns_ += static_cast<double>(ns);
    if (ns_ < kMemory) return;
    tokens_ /= 2;
    ns_ /= 2;
  }

  // Seconds for so many padded tokens; `unknown` before the first batch.
  double seconds(double tokens, double unknown) const {
    const std::lock_guard lock(mutex_);
    return tokens_ == 0 ? unknown : tokens * ns_ / tokens_ / 1e9;
  }

 private:
  static constexpr double kMemory = 4e9;  // ns of running

  mutable std::mutex mutex_;
  double tokens_ = 0;
  double ns_ = 0;
};

}  // namespace rerank
