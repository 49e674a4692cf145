// What the engine's workers do for one caller: pieces that any of them may run, each once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <vector>

#include "core/pack.h"

namespace rerank {

// Buffers of one worker, reused from piece to piece.
struct WorkerBuffers {
  PackedBatch packed;
  std::vector<float> logits;
};

// Shared by the caller who waits and the workers who run its pieces.
class Task {
 public:
  explicit Task(std::size_t num_pieces) : num_pieces_(num_pieces) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;

  // True once no piece is running or waiting: nothing borrowed is touched after that.
  bool wait_for(std::chrono::milliseconds time);
  void wait();

  // Pieces that have not started never will. The task is done when those that run have ended.
  void cancel(std::exception_ptr reason);

 protected:
  // Once done: rethrows what stopped the task.
  void rethrow_failure() const;

 private:
  friend class Engine;

  virtual void run(std::size_t piece, WorkerBuffers& buffers) = 0;  // by several workers at once

  std::optional<std::size_t> next_piece();  // to be started now, if one is left
  bool all_started();
  void piece_done();
  bool is_done() const { return next_ == num_pieces_ && running_ == 0; }

  const std::size_t num_pieces_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t next_ = 0;     // first piece that has not started
  std::size_t running_ = 0;  // pieces that have started and not ended
  std::exception_ptr failure_;
};

}  // namespace rerank
