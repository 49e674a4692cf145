// Worker threads that run the batches of one model, first request first.
//
// A request is paired and planned on the thread of its caller, then queued. Every worker takes the
// next piece of the oldest task that has one left; for a request that is a batch, which it packs into
// buffers of its own and runs on the shared session. So a request is spread over all workers, and the
// next one starts while the last batches of this one still run. Nothing here knows Python.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/batch_plan.h"
#include "core/pair.h"
#include "engine/encode_task.h"
#include "engine/job.h"
#include "engine/task.h"

namespace rerank {

class Engine {
 public:
  // `plan.workers` threads are started.
  Engine(RunBatch run, PairTemplate layout, PlanLimits plan);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Queues the request and returns at once. Throws TokenLimitExceeded and std::invalid_argument as
  // pair_rows does, and Error(kClosed) after close() or in a process forked since.
  std::shared_ptr<Job> submit(const Request& request);

  // Throws Error(kClosed) where submit would.
  void check_open() const;

  // Queues the encoding of texts. Throws Error(kClosed) as submit does.
  std::shared_ptr<EncodeTask> encode(EncodeBatch batch);

  // Fails what waits, lets running batches end, joins the workers. Idempotent, thread-safe.
  void close();

  const Counters& counters() const { return state_->scorer.counters; }

 private:
  // Apart from Engine, so that a forked child can leave it behind: its threads do not exist there,
  // and its locks may be held forever.
  struct State {
    Scorer scorer;
    PlanLimits plan;
    mutable std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::shared_ptr<Task>> queue;  // tasks with a piece to start
    bool closed = false;
    std::vector<std::thread> workers;

    State(RunBatch run, PairTemplate layout, PlanLimits plan_limits);
    void enqueue(std::shared_ptr<Task> task);
    void work();
  };

  bool forked() const;

  std::unique_ptr<State> state_;
  std::mutex closing_;
  long owner_;  // process id
};

}  // namespace rerank
