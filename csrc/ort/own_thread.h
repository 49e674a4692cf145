// A thread that does one thing after another for others, who wait: what CUDA records belongs to the
// thread that recorded it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "core/process.h"

namespace rerank::ort {

class OwnThread {
 public:
  OwnThread();  // throws std::system_error
  // Not while somebody waits. In a forked child, which has no such thread, it is not waited for.
  ~OwnThread();
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;

  // Runs `job` there; throws what it throws. Thread-safe; those that wait are served in turn.
  void run(const std::function<void()>& job);

 private:
  void work();

  const long owner_ = process_id();
  std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<std::packaged_task<void()>> jobs_;
  bool ends_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace rerank::ort
