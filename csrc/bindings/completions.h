// What an event loop waits for instead of a thread: a file that can be read once a task is done.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

namespace rerank::bindings {

class Completions {
 public:
  // Throws std::system_error where no pipe can be had.
  Completions();
  Completions(const Completions&) = delete;
  Completions& operator=(const Completions&) = delete;
  ~Completions();

  int fileno() const { return read_; }

  // By any thread.
  void add(std::uint64_t ticket);

  // Those added since the last time, in order.
  std::vector<std::uint64_t> take();

 private:
  int read_;
  int write_;
  std::mutex mutex_;
  std::vector<std::uint64_t> tickets_;
};

}  // namespace rerank::bindings
