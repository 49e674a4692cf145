// How a caller wants to be served, and when he has no use for the answer any more.
#pragma once

#include <chrono>
#include <stop_token>

namespace rerank {

using Clock = std::chrono::steady_clock;

struct Call {
  int priority = 0;  // higher ones first
  Clock::time_point deadline = Clock::time_point::max();
  double timeout = 0;  // seconds that led to the deadline, for messages
  // By the caller, from any thread.
  std::stop_token cancelled{};  // NOLINT(*-redundant-member-init): GCC misses it in {.priority = 1}

  bool is_late() const { return deadline != Clock::time_point::max() && Clock::now() >= deadline; }
};

}  // namespace rerank
