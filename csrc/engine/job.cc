#include "engine/job.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "core/error.h"

namespace rerank {

Job::Job(Scorer& scorer, const Request& request, PairedRows paired, BatchPlan plan)
    : Task(plan.batches.size()),
      scorer_(scorer),
      request_(request),
      paired_(std::move(paired)),
      plan_(std::move(plan)),
      row_logits_(paired_.rows.size()) {}

PairLogits Job::result() const {
  rethrow_failure();
  PairLogits result;
  result.logits.assign(paired_.tokens_run.size(), -std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < row_logits_.size(); ++i) {
    const std::int64_t pair = paired_.rows[i].pair;
    if (std::isnan(row_logits_[i]))
      throw Error(Fault::kRun, "the model gave NaN for the document at index " +
                                   std::to_string(pair) +
                                   "; check its weights, or a precision that overflows");
    float& best = result.logits[static_cast<std::size_t>(pair)];
    best = std::max(best, row_logits_[i]);
  }
  result.tokens_run = paired_.tokens_run;
  result.truncated = paired_.truncated;
  return result;
}

void Job::run(std::size_t batch, WorkerBuffers& buffers) {
  const Batch& rows = plan_.batches[batch];
  const auto order =
      std::span(plan_.order)
          .subspan(static_cast<std::size_t>(rows.begin), static_cast<std::size_t>(rows.rows));
  auto& [packed, logits] = buffers;
  pack(scorer_.layout, request_.queries, request_.documents, request_.query_of, paired_, order,
       rows.width, packed);
  logits.resize(order.size());

  const auto start = std::chrono::steady_clock::now();
  scorer_.run(packed, logits);
  const auto spent = std::chrono::steady_clock::now() - start;

  std::int64_t tokens = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto row = static_cast<std::size_t>(order[i]);
    row_logits_[row] = logits[i];
    tokens += paired_.row_tokens[row];
  }
  Counters& counters = scorer_.counters;
  ++counters.batches;
  counters.rows += rows.rows;
  counters.tokens += tokens;
  counters.padded_tokens += rows.rows * rows.width;
  counters.run_ns += std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count();
}

}  // namespace rerank
