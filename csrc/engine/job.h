// The scores of one request: what to run, and what came of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "core/batch_plan.h"
#include "core/encoded.h"
#include "core/pair.h"
#include "core/row_key.h"
#include "engine/counters.h"
#include "engine/known_rows.h"
#include "engine/score_cache.h"
#include "engine/task.h"

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

// Writes one logit per row of the batch; called from all workers at once. May end early, by any
// exception, when a stop is requested.
using RunBatch = std::function<void(const PackedBatch&, std::span<float>, const std::stop_token&)>;

// What all jobs of an engine share: the model, the layout of its rows, and what was counted.
struct Scorer {
  RunBatch run;
  RunBatch run_alone;  // over the threads of all workers; may be empty
  PairTemplate layout;
  RowMemory row_memory;
  ScoreCache cache;
  const bool packs = false;  // rows of all widths run together, unpadded
  const RowSecret secret = RowSecret::random();
  Counters counters{};
  Pace pace{};
};

class Job;

// A batch of a job.
struct JobBatch {
  Job* job;
  std::size_t batch;
};

// Runs batches as one: of one width, where rows are padded.
void run_batches(Scorer& scorer, std::span<const JobBatch> parts, WorkerBuffers& buffers,
                 const std::stop_token& stop);

// The batches of one request: of its rows that are not known. Every row has its own place in
// `row_logits_`, so they are written without a lock.
class Job final : public Task {
 public:
  // `plan.order` holds rows, those of known.to_run.
  Job(Scorer& scorer, const Request& request, PairedRows paired, KnownRows known, BatchPlan plan,
      Call call);

  const Batch& batch(std::size_t batch) const { return plan_.batches[batch]; }
  // The last of this width that is left, which is the one with the fewest rows; of any width, where
  // nothing is padded.
  std::optional<std::size_t> last_batch(std::int64_t width,
                                        const std::function<bool(std::size_t)>& is_left) const;
  std::int64_t cost(std::size_t batch) const override { return load(batch).tokens; }
  Load load(std::size_t batch) const override;
  std::int64_t bytes(std::size_t batch) const override;
  bool gains_alone(std::size_t batch) const override;

  // The scores, once done; rethrows what stopped the job. Throws Error(kRun) naming the document
  // where the model gave NaN.
  PairLogits result() const;

 private:
  friend void run_batches(Scorer& scorer, std::span<const JobBatch> parts, WorkerBuffers& buffers,
                          const std::stop_token& stop);

  void run(std::size_t batch, WorkerBuffers& buffers, const std::stop_token& stop) override {
    const JobBatch alone{this, batch};
    run_batches(scorer_, {&alone, 1}, buffers, stop);
  }
  // The rows of the batch, in the order in which they are packed.
  std::span<const std::int64_t> rows_of(std::size_t batch) const;
  void keep(std::size_t batch, std::span<const float> logits, std::vector<RowKey>& keys);
  std::string progress(std::size_t ended) const override;

  Scorer& scorer_;
  const Request request_;
  const PairedRows paired_;
  const KnownRows known_;
  const BatchPlan plan_;
  const Clock::time_point submitted_ = Clock::now();
  std::atomic_flag has_begun_{};
  std::vector<float> row_logits_;  // of each row that is the first of its equals
};

}  // namespace rerank
