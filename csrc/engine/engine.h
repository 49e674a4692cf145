// Worker threads that run the batches of one model for many callers.
//
// A request is paired and planned on the thread of its caller, then queued. Whenever a worker is free
// it takes the piece whose turn it is (turns.h); for a request that is a batch, which it packs into
// buffers of its own and runs on the shared session. So a request is spread over all workers, and
// callers share them. Nothing here knows Python.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/batch_plan.h"
#include "core/pair.h"
#include "engine/call.h"
#include "engine/encode_task.h"
#include "engine/job.h"
#include "engine/task.h"
#include "engine/task_queue.h"

namespace rerank {

// What waits now.
struct QueueDepth {
  std::int64_t rows;
  std::int64_t tokens;  // padded
  std::size_t tasks;    // with a piece that has not started
};

class Engine {
 public:
  // `plan.workers` threads are started.
  Engine(RunBatch run, PairTemplate layout, PlanLimits plan, QueueBounds bounds = {},
         std::size_t cache_rows = 0);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Queues the request and returns at once; wait with wait_for, which keeps the terms of the call.
  // Throws TokenLimitExceeded and std::invalid_argument as pair_rows does, ResourceExhausted where
  // the queue is full and refuses, and what check() throws.
  std::shared_ptr<Job> submit(const Request& request, const Call& call = {});

  // Queues the encoding of texts. Throws what check() throws.
  std::shared_ptr<EncodeTask> encode(EncodeBatch batch, const Call& call = {});

  // Throws Error: kClosed after close() or in a process forked since, kDeadline, kCancelled.
  void check(const Call& call = {});
  // Throws ResourceExhausted where submit would, whatever the request; with a cache never.
  void check_room();

  // True once the task is done, within `time`. Stops it when its deadline passes or its call is
  // cancelled.
  bool wait_for(Task& task, std::chrono::milliseconds time);

  // Pieces that have not started never will, those that run are asked to stop. The task is done when
  // they have ended.
  void cancel(Task& task, std::exception_ptr reason);

  // Fails what waits, lets running batches end, joins the workers. Idempotent, thread-safe.
  void close();

  const Counters& counters() const { return state_->scorer.counters; }
  QueueDepth depth() const;
  std::size_t cached_rows() const;

 private:
  // Apart from Engine, so that a forked child can leave it behind: its threads do not exist there,
  // and its locks may be held forever.
  struct State {
    Scorer scorer;
    const PlanLimits plan;
    mutable std::mutex mutex;
    std::condition_variable wake;
    TaskQueue queue;
    bool closed = false;
    std::vector<std::thread> workers;

    State(RunBatch run, PairTemplate layout, PlanLimits plan_limits, QueueBounds bounds,
          std::size_t cache_rows);
    void enqueue(const std::shared_ptr<Task>& task);
    // The first reason stays, and is counted in `counter`.
    void stop(Task& task, std::exception_ptr reason, std::atomic<std::int64_t>* counter);
    void stop_late(Task& task);
    void check_room(const Load& more);  // with the lock
    void work();
  };

  bool forked() const;

  std::unique_ptr<State> state_;
  std::mutex closing_;
  long owner_;  // process id
};

}  // namespace rerank
