#include "engine/engine.h"

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

Engine::State::State(RunBatch run, PairTemplate layout, PlanLimits plan_limits)
    : scorer{std::move(run), std::move(layout), {}}, plan(plan_limits) {}

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
  PairedRows paired = pair_rows(state.scorer.layout, request.queries, request.documents,
                                request.query_of, request.limits);
  BatchPlan plan = plan_batches(paired.row_tokens, state.plan);
  auto job = std::make_shared<Job>(state.scorer, request, std::move(paired), std::move(plan));
  state.enqueue(job);
  ++state.scorer.counters.requests;
  return job;
}

std::shared_ptr<EncodeTask> Engine::encode(EncodeBatch batch) {
  check_open();
  auto task = std::make_shared<EncodeTask>(std::move(batch));
  state_->enqueue(task);
  return task;
}

void Engine::close() {
  if (forked()) return;
  const std::lock_guard closing(closing_);
  std::deque<std::shared_ptr<Task>> waiting;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    waiting.swap(state_->queue);
  }
  state_->wake.notify_all();
  for (const auto& task : waiting) task->cancel(closed_error());
  for (std::thread& worker : state_->workers) worker.join();
  state_->workers.clear();
}

void Engine::State::enqueue(std::shared_ptr<Task> task) {
  {
    const std::lock_guard lock(mutex);
    if (closed) std::rethrow_exception(closed_error());
    queue.push_back(std::move(task));
  }
  wake.notify_all();
}

void Engine::State::work() {
  WorkerBuffers buffers;
  while (true) {
    std::shared_ptr<Task> task;
    std::optional<std::size_t> piece;
    {
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return closed || !queue.empty(); });
      if (closed) return;
      task = queue.front();
      piece = task->next_piece();
      if (task->all_started()) queue.pop_front();
    }
    if (!piece) continue;  // cancelled, or without a piece
    try {
      task->run(*piece, buffers);
    } catch (...) {
      task->cancel(std::current_exception());
    }
    task->piece_done();
  }
}

}  // namespace rerank
