#include "engine/engine.h"

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#ifdef _WIN32
#include <process.h>
#else
#include <unistd.h>
#endif

#include "core/error.h"

namespace rerank {
namespace {

long process_id() {
#ifdef _WIN32
  return _getpid();
#else
  return getpid();
#endif
}

std::exception_ptr closed_error() {
  return std::make_exception_ptr(Error(Fault::kClosed, "the reranker is closed"));
}

}  // namespace

Engine::State::State(RunBatch run_batch, PairTemplate pair_template, PlanLimits plan_limits)
    : run(std::move(run_batch)), layout(std::move(pair_template)), plan(plan_limits) {}

Engine::Engine(RunBatch run, PairTemplate layout, PlanLimits plan)
    : state_(std::make_unique<State>(std::move(run), std::move(layout), plan)),
      owner_(process_id()) {
  try {
    for (std::int64_t i = 0; i < plan.workers; ++i)
      state_->workers.emplace_back([state = state_.get()] { state->work(); });
  } catch (const std::system_error& error) {
    close();
    throw Error(Fault::kRun, "cannot start " + std::to_string(plan.workers) +
                                 " threads: " + error.what() + "; ask for fewer");
  }
}

Engine::~Engine() {
  if (forked())
    static_cast<void>(state_.release());
  else
    close();
}

bool Engine::forked() const { return process_id() != owner_; }

void Engine::check_open() const {
  if (forked())
    throw Error(Fault::kClosed,
                "this reranker was made before a fork and its threads did not come along; make "
                "one in each process after the fork");
  const std::lock_guard lock(state_->mutex);
  if (state_->closed) std::rethrow_exception(closed_error());
}

std::shared_ptr<Job> Engine::submit(const Request& request) {
  check_open();
  State& state = *state_;
  PairedRows paired =
      pair_rows(state.layout, request.queries, request.documents, request.query_of, request.limits);
  BatchPlan plan = plan_batches(paired.row_tokens, state.plan);
  auto job = std::make_shared<Job>(request, std::move(paired), std::move(plan));
  {
    const std::lock_guard lock(state.mutex);
    if (state.closed) std::rethrow_exception(closed_error());
    state.queue.push_back(job);
    ++state.counters.requests;
  }
  state.wake.notify_all();
  return job;
}

void Engine::close() {
  if (forked()) return;
  const std::lock_guard closing(closing_);
  std::deque<std::shared_ptr<Job>> waiting;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    waiting.swap(state_->queue);
  }
  state_->wake.notify_all();
  for (const auto& job : waiting) job->cancel(closed_error());
  for (std::thread& worker : state_->workers) worker.join();
  state_->workers.clear();
}

void Engine::State::work() {
  PackedBatch packed;
  std::vector<float> logits;
  while (true) {
    std::shared_ptr<Job> job;
    std::optional<std::size_t> batch;
    {
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return closed || !queue.empty(); });
      if (closed) return;
      job = queue.front();
      batch = job->next_batch();
      if (job->all_started()) queue.pop_front();
    }
    if (!batch) continue;  // cancelled, or without a row
    try {
      run_batch(*job, *batch, packed, logits);
    } catch (...) {
      job->cancel(std::current_exception());
    }
    job->batch_done();
  }
}

void Engine::State::run_batch(Job& job, std::size_t batch, PackedBatch& packed,
                              std::vector<float>& logits) {
  const Batch& rows = job.plan_.batches[batch];
  const auto order =
      std::span(job.plan_.order)
          .subspan(static_cast<std::size_t>(rows.begin), static_cast<std::size_t>(rows.rows));
  const Request& request = job.request_;
  pack(layout, request.queries, request.documents, request.query_of, job.paired_, order, rows.width,
       packed);
  logits.resize(order.size());

  const auto start = std::chrono::steady_clock::now();
  run(packed, logits);
  const auto spent = std::chrono::steady_clock::now() - start;

  std::int64_t tokens = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto row = static_cast<std::size_t>(order[i]);
    job.row_logits_[row] = logits[i];
    tokens += job.paired_.row_tokens[row];
  }
  ++counters.batches;
  counters.rows += rows.rows;
  counters.tokens += tokens;
  counters.padded_tokens += rows.rows * rows.width;
  counters.run_ns += std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count();
}

}  // namespace rerank
