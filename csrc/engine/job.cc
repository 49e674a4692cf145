#include "engine/job.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "core/error.h"

namespace rerank {

Job::Job(const Request& request, PairedRows paired, BatchPlan plan)
    : request_(request),
      paired_(std::move(paired)),
      plan_(std::move(plan)),
      row_logits_(paired_.rows.size()) {}

bool Job::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return done_.wait_for(lock, time, [&] { return next_ == plan_.batches.size() && running_ == 0; });
}

void Job::wait() {
  while (!wait_for(std::chrono::hours(1))) {
  }
}

void Job::cancel(std::exception_ptr reason) {
  assert(reason);
  const std::lock_guard lock(mutex_);
  if (next_ == plan_.batches.size() && running_ == 0) return;  // too late: it has its scores
  if (!failure_) failure_ = std::move(reason);
  next_ = plan_.batches.size();
  if (running_ == 0) done_.notify_all();
}

PairLogits Job::result() const {
  if (failure_) std::rethrow_exception(failure_);
  PairLogits result;
  result.logits.assign(paired_.tokens_run.size(), -std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < row_logits_.size(); ++i) {
    const std::int64_t pair = paired_.rows[i].pair;
    if (std::isnan(row_logits_[i]))
      throw Error(Fault::kRun, "the model gave NaN for the document at index " +
                                   std::to_string(pair) +
                                   "; check its weights, or a precision that overflows");
    float& best = result.logits[static_cast<std::size_t>(pair)];
    best = std::max(best, row_logits_[i]);
  }
  result.tokens_run = paired_.tokens_run;
  result.truncated = paired_.truncated;
  return result;
}

std::optional<std::size_t> Job::next_batch() {
  const std::lock_guard lock(mutex_);
  if (next_ == plan_.batches.size()) return std::nullopt;
  ++running_;
  return next_++;
}

bool Job::all_started() {
  const std::lock_guard lock(mutex_);
  return next_ == plan_.batches.size();
}

void Job::batch_done() {
  const std::lock_guard lock(mutex_);
  --running_;
  // Under the lock: the waiter may destroy the job as soon as it sees the counters.
  if (next_ == plan_.batches.size() && running_ == 0) done_.notify_all();
}

}  // namespace rerank
