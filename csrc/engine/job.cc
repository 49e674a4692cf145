#include "engine/job.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include "core/error.h"

namespace rerank {
namespace {

// Below so many tokens the threads that are woken for each operator come too late to help: 2026-11-21,
// MiniLM-L6, two threads: 0.86 of the time at 16 tokens, 0.69 at 128, 0.53 at 512.
constexpr std::int64_t kLeastAlone = 128;

}  // namespace

Job::Job(Scorer& scorer, const Request& request, PairedRows paired, KnownRows known, BatchPlan plan,
         Call call)
    : Task(plan.batches.size(), std::move(call)),
      scorer_(scorer),
      request_(request),
      paired_(std::move(paired)),
      known_(std::move(known)),
      plan_(std::move(plan)),
      row_logits_(known_.logits) {}

PairLogits Job::result() const {
  rethrow_failure();
  PairLogits result;
  result.logits.assign(paired_.tokens_run.size(), -std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < paired_.rows.size(); ++i) {
    const std::int64_t pair = paired_.rows[i].pair;
    const float logit = row_logits_[static_cast<std::size_t>(known_.first_equal[i])];
    if (std::isnan(logit)) {
      ++scorer_.counters.failed;
      throw Error(Fault::kRun, "the model gave NaN for the document at index " +
                                   std::to_string(pair) +
                                   "; check its weights, or a precision that overflows");
    }
    float& best = result.logits[static_cast<std::size_t>(pair)];
    best = std::max(best, logit);
  }
  result.tokens_run = paired_.tokens_run;
  result.truncated = paired_.truncated;
  return result;
}

std::optional<std::size_t> Job::last_batch(std::int64_t width,
                                           const std::function<bool(std::size_t)>& is_left) const {
  const std::vector<Batch>& all = plan_.batches;  // widest first
  const auto behind = std::partition_point(all.begin(), all.end(), [&](const Batch& batch) {
    return scorer_.packs || batch.width >= width;
  });
  const auto fits = [&](const Batch& batch) { return scorer_.packs || batch.width == width; };
  for (auto batch = behind; batch != all.begin() && fits(*std::prev(batch)); --batch) {
    const auto place = static_cast<std::size_t>(std::prev(batch) - all.begin());
    if (is_left(place)) return place;
  }
  return std::nullopt;
}

Load Job::load(std::size_t batch) const {
  const Batch& rows = plan_.batches[batch];
  return {rows.rows, rows.tokens};
}

std::int64_t Job::bytes(std::size_t batch) const {
  const Batch& rows = plan_.batches[batch];
  return rows.rows * scorer_.row_memory.bytes(rows.width);
}

bool Job::gains_alone(std::size_t batch) const {
  return scorer_.run_alone && load(batch).tokens >= kLeastAlone;
}

std::string Job::progress(std::size_t ended) const {
  return std::to_string(ended) + " of " + std::to_string(num_pieces()) + " batches were run";
}

std::span<const std::int64_t> Job::rows_of(std::size_t batch) const {
  const Batch& rows = plan_.batches[batch];
  return std::span(plan_.order)
      .subspan(static_cast<std::size_t>(rows.begin), static_cast<std::size_t>(rows.rows));
}

void Job::keep(std::size_t batch, std::span<const float> logits, std::vector<RowKey>& keys) {
  std::int64_t tokens = 0;
  keys.clear();
  const std::span<const std::int64_t> rows = rows_of(batch);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(rows[i]);
    row_logits_[row] = logits[i];
    keys.push_back(known_.keys[row]);
    tokens += paired_.row_tokens[row];
  }
  scorer_.cache.add(keys, logits);
  scorer_.counters.tokens += tokens;
}

void run_batches(Scorer& scorer, std::span<const JobBatch> parts, WorkerBuffers& buffers,
                 const std::stop_token& stop) {
  const auto ns = [](Clock::duration time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  };
  Counters& counters = scorer.counters;
  auto& [packed, logits, keys, is_alone] = buffers;
  packed.begin(scorer.packs ? 0 : parts.front().job->batch(parts.front().batch).width);
  for (const auto& [job, batch] : parts)
    pack(scorer.layout, job->request_.queries, job->request_.documents, job->request_.query_of,
         job->paired_, job->rows_of(batch), packed);
  logits.resize(static_cast<std::size_t>(packed.rows));

  const Clock::time_point start = Clock::now();
  (is_alone ? scorer.run_alone : scorer.run)(packed, logits, stop);
  const auto spent = ns(Clock::now() - start);

  std::span<const float> rest(logits);
  for (const auto& [job, batch] : parts) {
    const std::size_t rows = job->rows_of(batch).size();
    job->keep(batch, rest.first(rows), keys);
    rest = rest.subspan(rows);
    if (!job->has_begun_.test_and_set()) counters.wait_ns += ns(start - job->submitted_);
  }
  ++counters.batches;
  counters.rows += packed.rows;
  counters.padded_tokens += packed.tokens();
  counters.run_ns += spent;
  scorer.pace.add(packed.tokens(), spent);
}

}  // namespace rerank
