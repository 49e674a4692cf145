#include "engine/task.h"

#include <cassert>
#include <chrono>

namespace rerank {

Load Task::load() const {
  Load sum;
  for (std::size_t piece = 0; piece < num_pieces_; ++piece) {
    const auto [rows, tokens] = load(piece);
    sum.rows += rows;
    sum.tokens += tokens;
  }
  return sum;
}

bool Task::wait_until(Clock::time_point time) {
  std::unique_lock lock(mutex_);
  return done_.wait_until(lock, time, [&] { return pending_ == 0; });
}

void Task::wait() {
  while (!wait_for(std::chrono::hours(1))) {
  }
}

void Task::when_done(std::function<void()> tell) {
  {
    const std::lock_guard lock(mutex_);
    if (pending_ != 0) {
      tell_ = std::move(tell);
      return;
    }
  }
  tell();
}

std::string Task::progress() {
  const std::lock_guard lock(mutex_);
  return progress(num_pieces_ - pending_);
}

void Task::rethrow_failure() const {
  if (failure_) std::rethrow_exception(failure_);
}

bool Task::fail(std::exception_ptr reason) {
  assert(reason);
  {
    const std::lock_guard lock(mutex_);
    if (pending_ == 0 || failure_) return false;
    failure_ = std::move(reason);
  }
  stop_.request_stop();  // not under the lock: it runs what listens
  return true;
}

void Task::ended(std::size_t pieces) {
  const std::lock_guard lock(mutex_);
  assert(pieces <= pending_);
  pending_ -= pieces;
  // Under the lock: the waiter may destroy the task as soon as it sees the counter.
  if (pending_ != 0) return;
  done_.notify_all();
  if (tell_) tell_();
}

}  // namespace rerank
