// Worker threads that run the batches of one model, first request first.
//
// A request is paired and planned on the thread of its caller, then queued. Every worker takes the
// next batch of the oldest request that has one left, packs it into buffers of its own and runs the
// shared session; so a request is spread over all workers, and the next one starts while the last
// batches of this one still run. Nothing here knows Python.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "core/batch_plan.h"
#include "core/pack.h"
#include "core/pair.h"
#include "engine/job.h"

namespace rerank {

// Writes one logit per row of the batch; called from all workers at once.
using RunBatch = std::function<void(const PackedBatch&, std::span<float>)>;

// Sums since the engine was made.
struct Counters {
  std::atomic<std::int64_t> requests{0};
  std::atomic<std::int64_t> batches{0};
  std::atomic<std::int64_t> rows{0};
  std::atomic<std::int64_t> tokens{0};         // without padding
  std::atomic<std::int64_t> padded_tokens{0};  // rows x width
  std::atomic<std::int64_t> run_ns{0};         // inside RunBatch, over all workers
};

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

  // Fails what waits, lets running batches end, joins the workers. Idempotent, thread-safe.
  void close();

  const Counters& counters() const { return state_->counters; }

 private:
  // Apart from Engine, so that a forked child can leave it behind: its threads do not exist there,
  // and its locks may be held forever.
  struct State {
    RunBatch run;
    PairTemplate layout;
    PlanLimits plan;
    Counters counters;
    mutable std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::shared_ptr<Job>> queue;  // jobs with a batch to start
    bool closed = false;
    std::vector<std::thread> workers;

    State(RunBatch run_batch, PairTemplate pair_template, PlanLimits plan_limits);
    void work();
    void run_batch(Job& job, std::size_t batch, PackedBatch& packed, std::vector<float>& logits);
  };

  bool forked() const;

  std::unique_ptr<State> state_;
  std::mutex closing_;
  long owner_;  // process id
};

}  // namespace rerank
