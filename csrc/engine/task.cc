#include "engine/task.h"

#include <cassert>
#include <utility>

namespace rerank {

bool Task::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return done_.wait_for(lock, time, [&] { return is_done(); });
}

void Task::wait() {
  while (!wait_for(std::chrono::hours(1))) {
  }
}

void Task::cancel(std::exception_ptr reason) {
  assert(reason);
  const std::lock_guard lock(mutex_);
  if (is_done()) return;  // too late: it has its result
  if (!failure_) failure_ = std::move(reason);
  next_ = num_pieces_;
  if (running_ == 0) done_.notify_all();
}

void Task::rethrow_failure() const {
  if (failure_) std::rethrow_exception(failure_);
}

std::optional<std::size_t> Task::next_piece() {
  const std::lock_guard lock(mutex_);
  if (next_ == num_pieces_) return std::nullopt;
  ++running_;
  return next_++;
}

bool Task::all_started() {
  const std::lock_guard lock(mutex_);
  return next_ == num_pieces_;
}

void Task::piece_done() {
  const std::lock_guard lock(mutex_);
  --running_;
  // Under the lock: the waiter may destroy the task as soon as it sees the counters.
  if (is_done()) done_.notify_all();
}

}  // namespace rerank
