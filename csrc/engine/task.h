// What the engine's workers do for one caller: pieces that any of them may run, each once.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/pack.h"
#include "core/row_key.h"
#include "engine/call.h"

namespace rerank {

// Buffers of one worker, reused from piece to piece.
struct WorkerBuffers {
  PackedBatch packed;
  std::vector<float> logits;
  std::vector<RowKey> keys;
  bool is_alone = false;  // the piece has the threads of all workers
};

// What a piece adds to a bounded queue.
struct Load {
  std::int64_t rows = 0;
  std::int64_t tokens = 0;  // padded
};

// Shared by the caller who waits and the workers who run its pieces. Every piece ends once: run, or
// taken out of the queue by whoever stops the task.
class Task {
 public:
  Task(std::size_t num_pieces, Call call)
      : num_pieces_(num_pieces), call_(std::move(call)), pending_(num_pieces) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;

  std::size_t num_pieces() const { return num_pieces_; }
  const Call& call() const { return call_; }

  virtual std::int64_t cost(std::size_t piece) const = 0;  // of a turn, about one per padded token
  virtual Load load(std::size_t piece) const = 0;
  Load load() const;  // of all
  // Of memory that is taken while it runs.
  virtual std::int64_t bytes(std::size_t /*piece*/) const { return 0; }
  // Whether it ends earlier when it has the threads of all workers.
  virtual bool gains_alone(std::size_t /*piece*/) const { return false; }

  // True once no piece is running or waiting: nothing borrowed is touched after that.
  bool wait_until(Clock::time_point time);
  bool wait_for(Clock::duration time) { return wait_until(Clock::now() + time); }
  void wait();
  // Calls it then, once, on whatever thread ends the last piece, or here; it must be quick. For one.
  void when_done(std::function<void()> tell);

  // "3 of 7 batches were run"
  std::string progress();

 protected:
  // Once done: rethrows what stopped the task.
  void rethrow_failure() const;

 private:
  friend class Engine;
  friend class WorkerPool;

  // By several workers at once; may end early, by any exception, when `stop` is requested.
  virtual void run(std::size_t piece, WorkerBuffers& buffers, const std::stop_token& stop) = 0;
  virtual std::string progress(std::size_t ended) const = 0;

  // Asks what runs to stop. False where the task is done or has failed before.
  bool fail(std::exception_ptr reason);
  void ended(std::size_t pieces);

  const std::size_t num_pieces_;
  const Call call_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t pending_;  // pieces that have not ended
  std::exception_ptr failure_;
  std::function<void()> tell_;  // of when_done
};

}  // namespace rerank
