// The batches of one model, run for many callers.
//
// A request is paired and planned on the thread of its caller, then queued. Whenever a worker of the
// process (worker_pool.h) is free for this engine it takes the piece whose turn it is (turns.h); for a
// request that is a batch, which it packs into buffers of its own and runs on the shared session. So a
// request is spread over all workers, and callers share them, and batches too. Nothing here knows
// Python.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "core/batch_plan.h"
#include "core/pair.h"
#include "engine/call.h"
#include "engine/encode_task.h"
#include "engine/job.h"
#include "engine/task.h"
#include "engine/task_queue.h"
#include "engine/worker_pool.h"

namespace rerank {

// What waits now.
struct QueueDepth {
  std::int64_t rows;
  std::int64_t tokens;  // padded
  std::size_t tasks;    // with a piece that has not started
};

// What an engine is given beside a thread for each worker.
struct Resources {
  // Runs a batch over the threads of all workers, where there is nothing else to run.
  RunBatch run_alone{};  // NOLINT(*-redundant-member-init): GCC misses it in {.cpus = 1}
  // For all engines of the process together, unless one alone has more workers.
  std::int64_t cpus = std::numeric_limits<std::int64_t>::max();
  // Rows whose logits are kept for later requests.
  std::size_t cache_rows = 0;
  // Batches of several requests whose rows are as wide are run as one, within the limits of a batch.
  bool coalesces = true;
  // Batches that run at once; where that is fewer than there are workers, texts are encoded first.
  std::int64_t max_runs = std::numeric_limits<std::int64_t>::max();
};

class Engine {
 public:
  // At most `plan.workers` batches run at once, and together take at most `plan.memory_limit`.
  Engine(RunBatch run, PairTemplate layout, PlanLimits plan, QueueBounds bounds = {},
         Resources resources = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Queues the request and returns at once; wait with wait_for, which keeps the terms of the call.
  // Throws TokenLimitExceeded and std::invalid_argument as pair_rows does, ResourceExhausted where
  // the queue is full and refuses, Error(kMemory) where a row does not fit into the memory, and what
  // check() throws.
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

  // For who is told (Task::when_done) instead of waiting: while it lives, the task is stopped when its
  // call is cancelled. Its end waits for a cancellation that is under way.
  using Cancellation = std::stop_callback<std::function<void()>>;
  std::unique_ptr<Cancellation> stop_when_cancelled(const std::shared_ptr<Task>& task);

  // Pieces that have not started never will, those that run are asked to stop. The task is done when
  // they have ended.
  void cancel(Task& task, std::exception_ptr reason);

  // Fails what waits, lets running batches end, joins the workers. Idempotent, thread-safe.
  void close();
  // Whether this process was forked from the one that made it: it has no workers here.
  bool forked() const;

  const Counters& counters() const { return state_->scorer.counters; }
  QueueDepth depth() const;
  std::size_t cached_rows() const;

 private:
  // Apart from Engine, so that a forked child can leave it behind: the threads do not exist there,
  // and the locks may be held forever.
  struct State final : WorkerPool::Source {
    WorkerPool& pool;
    Scorer scorer;
    const PlanLimits plan;
    const bool coalesces;
    std::mutex& mutex;  // the pool's
    TaskQueue queue;
    std::int64_t bytes = 0;  // of the pieces that run
    std::int64_t runs = 0;   // batches that run, of at most plan.workers
    bool closed = false;

    State(RunBatch run, PairTemplate layout, PlanLimits plan_limits, QueueBounds bounds,
          Resources resources);
    void check_memory(const PairedRows& paired) const;
    void enqueue(const std::shared_ptr<Task>& task);
    // The first reason stays, and is counted in `counter`.
    void stop(Task& task, std::exception_ptr reason, std::atomic<std::int64_t>* counter);
    void stop_late(Task& task);
    void check_room(const Load& more);  // with the lock

    bool limits_runs() const { return plan.workers < threads(); }
    bool has_work() const override { return !queue.empty(); }
    std::int64_t slots(bool alone) override;
    std::vector<Turns::Turn> take() override;
    void give_back(const std::vector<Turns::Turn>& turns) override;
    void run(const std::vector<Turns::Turn>& turns, WorkerBuffers& buffers) override;

    void add_company(std::vector<Turns::Turn>& turns);  // with the lock
    void run_one(const Turns::Turn& turn, WorkerBuffers& buffers);
    bool run_together(const std::vector<Turns::Turn>& turns, WorkerBuffers& buffers);
  };

  std::unique_ptr<State> state_;
  std::mutex closing_;
  long owner_;  // process id
};

}  // namespace rerank
