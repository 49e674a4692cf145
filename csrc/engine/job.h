// One request on its way through the engine: what to run, how far it is, what came of it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "core/batch_plan.h"
#include "core/encoded.h"
#include "core/pair.h"

namespace rerank {

// Pair i is documents[i] beside queries[query_of[i]]. All of it is borrowed until the job is done.
struct Request {
  Encoded queries;
  Encoded documents;
  std::span<const std::int64_t> query_of;
  PairLimits limits;
};

struct PairLogits {
  std::vector<float> logits;             // by pair; of its best window
  std::vector<std::int64_t> tokens_run;  // by pair, over all its rows
  std::vector<bool> truncated;
};

// Shared by the caller who waits and the workers who run its batches. Every row has its own place in
// `row_logits`, so batches are written without a lock; the counters are under `mutex_`.
class Job {
 public:
  Job(const Request& request, PairedRows paired, BatchPlan plan);

  // True once no batch is running or waiting: nothing borrowed is touched after that.
  bool wait_for(std::chrono::milliseconds time);
  void wait();

  // Batches that have not started never will. The job is done when those that run have ended.
  void cancel(std::exception_ptr reason);

  // The scores, once done; rethrows what stopped the job. Throws Error(kRun) naming the document
  // where the model gave NaN.
  PairLogits result() const;

 private:
  friend class Engine;

  std::optional<std::size_t> next_batch();  // to be started now, if one is left
  bool all_started();
  void batch_done();

  const Request request_;
  const PairedRows paired_;
  const BatchPlan plan_;
  std::vector<float> row_logits_;

  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t next_ = 0;     // first batch that has not started
  std::size_t running_ = 0;  // batches that have started and not ended
  std::exception_ptr failure_;
};

}  // namespace rerank
