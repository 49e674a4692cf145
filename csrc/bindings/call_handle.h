// A Call as Python holds it: made when the call begins, cancelled by whoever wants it no more.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

#include "engine/call.h"

namespace rerank::bindings {

class CallHandle {
 public:
  // `outer`, unless it is null: began before, and its cancellation is that of this call too.
  CallHandle(std::optional<double> timeout, int priority, const CallHandle* outer, bool signals)
      : source_(outer == nullptr ? std::stop_source() : outer->source_),
        begin_(outer == nullptr ? Clock::now() : outer->begin_),
        signals_(signals) {
    call_.priority = priority;
    call_.cancelled = source_.get_token();
    if (!timeout || *timeout > kForever) return;
    call_.timeout = *timeout;
    call_.deadline = begin_ + std::chrono::duration_cast<Clock::duration>(
                                  std::chrono::duration<double>(*timeout));
  }

  const Call& call() const { return call_; }
  bool signals() const { return signals_; }  // does Python show them to this thread
  void cancel() { source_.request_stop(); }
  bool cancelled() const { return source_.stop_requested(); }
  std::optional<double> seconds_left() const {
    if (call_.deadline == Call{}.deadline) return std::nullopt;
    return std::chrono::duration<double>(call_.deadline - Clock::now()).count();
  }

 private:
  static constexpr double kForever = 1e9;  // seconds; what is added to the clock must fit into it

  std::stop_source source_;
  Clock::time_point begin_;
  bool signals_;
  Call call_;
};

}  // namespace rerank::bindings
