#include "engine/engine.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace rerank {
namespace {

// What a client is told to wait for when nothing has run yet, and at least.
constexpr double kUnknownRetry = 1.0;
constexpr double kLeastRetry = 0.01;

std::exception_ptr error(Fault fault, const std::string& message) {
  return std::make_exception_ptr(Error(fault, message));
}

std::exception_ptr closed_error() { return error(Fault::kClosed, "the reranker is closed"); }

std::exception_ptr cancelled_error() {
  return error(Fault::kCancelled, "the caller cancelled the call");
}

std::exception_ptr late_error(const Call& call, const std::string& progress) {
  std::ostringstream message;
  message << "the timeout of " << call.timeout << " s has passed: " << progress;
  return error(Fault::kDeadline, message.str());
}

BatchPlan plan_of(std::span<const std::int64_t> rows, std::span<const std::int64_t> row_tokens,
                  const PlanLimits& limits) {
  std::vector<std::int64_t> lengths;
  lengths.reserve(rows.size());
  for (const std::int64_t row : rows) lengths.push_back(row_tokens[static_cast<std::size_t>(row)]);
  BatchPlan plan = plan_batches(lengths, limits);
  for (std::int64_t& row : plan.order) row = rows[static_cast<std::size_t>(row)];
  return plan;
}

// A small request is cut for the batches that run at once.
PlanLimits with_runs(PlanLimits plan, std::int64_t max_runs) {
  plan.workers = std::min(plan.workers, max_runs);
  return plan;
}

bool is_batch(const Turns::Turn& turn) { return turn.task->load(turn.piece).rows > 0; }

}  // namespace

Engine::State::State(RunBatch run, PairTemplate layout, PlanLimits plan_limits, QueueBounds bounds,
                     Resources resources)
    : Source(plan_limits.workers),
      pool(WorkerPool::shared()),
      scorer{std::move(run),         std::move(resources.run_alone),   std::move(layout),
             plan_limits.row_memory, ScoreCache(resources.cache_rows), plan_limits.packs},
      plan(with_runs(std::move(plan_limits), resources.max_runs)),
      coalesces(resources.coalesces),
      mutex(pool.mutex()),
      queue(bounds) {}

Engine::Engine(RunBatch run, PairTemplate layout, PlanLimits plan, QueueBounds bounds,
               Resources resources)
    : state_(std::make_unique<State>(std::move(run), std::move(layout), plan, bounds, resources)),
      owner_(process_id()) {
  try {
    state_->pool.add(*state_, resources.cpus);
  } catch (const std::system_error& failure) {
    throw Error(Fault::kRun, "cannot start " + std::to_string(plan.workers) +
                                 " threads: " + failure.what() + "; ask for fewer");
  }
}

Engine::~Engine() {
  if (forked())
    static_cast<void>(state_.release());
  else
    close();
}

bool Engine::forked() const { return process_id() != owner_; }

void Engine::check(const Call& call) {
  if (forked())
    throw Error(Fault::kClosed,
                "this reranker was made before a fork and its threads did not come along; make "
                "one in each process after the fork");
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->closed) std::rethrow_exception(closed_error());
  }
  Counters& counters = state_->scorer.counters;
  if (call.cancelled.stop_requested()) {
    ++counters.cancelled;
    std::rethrow_exception(cancelled_error());
  }
  if (call.is_late()) {
    ++counters.deadline_exceeded;
    std::rethrow_exception(late_error(call, "no batch was run"));
  }
}

void Engine::check_room() {
  if (state_->scorer.cache.keeps_any()) return;  // what it knows needs no room
  const std::lock_guard lock(state_->mutex);
  state_->check_room({1, 1});
}

std::shared_ptr<Job> Engine::submit(const Request& request, const Call& call) {
  check(call);
  State& state = *state_;
  PairedRows paired = pair_rows(state.scorer.layout, request.queries, request.documents,
                                request.query_of, request.limits);
  state.check_memory(paired);
  KnownRows known = known_rows(
      row_keys(state.scorer.secret, request.queries, request.documents, request.query_of, paired),
      state.scorer.cache);
  BatchPlan plan = plan_of(known.to_run, paired.row_tokens, state.plan);
  Counters& counters = state.scorer.counters;
  const auto truncated = std::count(paired.truncated.begin(), paired.truncated.end(), true);
  const auto [repeats, cache_hits] = std::pair(known.repeats, known.cache_hits);
  auto job = std::make_shared<Job>(state.scorer, request, std::move(paired), std::move(known),
                                   std::move(plan), call);
  state.enqueue(job);
  ++counters.requests;
  counters.truncated += truncated;
  counters.repeats += repeats;
  counters.cache_hits += cache_hits;
  return job;
}

std::shared_ptr<EncodeTask> Engine::encode(EncodeBatch batch, const Call& call) {
  check(call);
  // What waits for a batch to end must not keep the other workers from the texts of the next.
  Call terms = call;
  if (state_->limits_runs()) terms.priority = std::numeric_limits<int>::max();
  auto task = std::make_shared<EncodeTask>(std::move(batch), std::move(terms));
  state_->enqueue(task);
  return task;
}

bool Engine::wait_for(Task& task, std::chrono::milliseconds time) {
  State& state = *state_;
  const std::stop_callback on_cancel(task.call().cancelled,
                                     [&] { cancel(task, cancelled_error()); });
  const Clock::time_point end = Clock::now() + time;
  if (task.wait_until(std::min(end, task.call().deadline))) return true;
  if (!task.call().is_late()) return false;
  state.stop_late(task);
  return task.wait_until(end);
}

std::unique_ptr<Engine::Cancellation> Engine::stop_when_cancelled(
    const std::shared_ptr<Task>& task) {
  return std::make_unique<Cancellation>(task->call().cancelled,
                                        [this, task] { cancel(*task, cancelled_error()); });
}

void Engine::cancel(Task& task, std::exception_ptr reason) {
  state_->stop(task, std::move(reason), &state_->scorer.counters.cancelled);
}

void Engine::close() {
  if (forked()) return;
  const std::lock_guard closing(closing_);
  std::vector<std::shared_ptr<Task>> waiting;
  {
    const std::lock_guard lock(state_->mutex);
    if (std::exchange(state_->closed, true)) return;
    waiting = state_->queue.tasks();
  }
  for (const auto& task : waiting) state_->stop(*task, closed_error(), nullptr);
  state_->pool.remove(*state_);
}

std::size_t Engine::cached_rows() const { return forked() ? 0 : state_->scorer.cache.size(); }

QueueDepth Engine::depth() const {
  if (forked()) return {0, 0, 0};
  const std::lock_guard lock(state_->mutex);
  const auto [rows, tokens] = state_->queue.load();
  return {rows, tokens, state_->queue.size()};
}

void Engine::State::enqueue(const std::shared_ptr<Task>& task) {
  if (task->num_pieces() == 0) return;
  {
    const std::lock_guard lock(mutex);
    if (closed) std::rethrow_exception(closed_error());
    check_room(task->load());
    queue.push(task);
    pool.wake(*this);
  }
}

void Engine::State::check_room(const Load& more) {
  if (!queue.refuses(more)) return;
  ++scorer.counters.rejected;
  const auto [rows, tokens] = queue.load();
  const auto ahead = static_cast<double>(tokens) * queue.excess(more);
  const double retry = std::max(
      kLeastRetry, scorer.pace.seconds(ahead, kUnknownRetry) / static_cast<double>(plan.workers));
  std::ostringstream message;
  message << "the queue is full: " << rows << " rows of " << tokens << " tokens wait; try again in "
          << retry << " s";
  throw ResourceExhausted(message.str(), retry);
}

void Engine::State::stop(Task& task, std::exception_ptr reason,
                         std::atomic<std::int64_t>* counter) {
  if (!task.fail(std::move(reason))) return;
  if (counter != nullptr) ++*counter;
  std::size_t left = 0;
  {
    const std::lock_guard lock(mutex);
    left = queue.remove(task);
    pool.wake(*this);  // its room may have let others in
  }
  task.ended(left);
}

void Engine::State::stop_late(Task& task) {
  stop(task, late_error(task.call(), task.progress()), &scorer.counters.deadline_exceeded);
}

void Engine::State::check_memory(const PairedRows& paired) const {
  for (std::size_t i = 0; i < paired.rows.size(); ++i) {
    const std::int64_t tokens = paired.row_tokens[i];
    const std::int64_t needed = plan.row_memory.bytes(tokens);
    if (needed > plan.memory_limit)
      throw Error(Fault::kMemory,
                  "the document at index " + std::to_string(paired.rows[i].pair) +
                      " and its query need " + std::to_string(needed) + " bytes to run " +
                      std::to_string(tokens) + " tokens, and memory_limit is " +
                      std::to_string(plan.memory_limit) +
                      "; raise it, or cut what is long by max_pair_tokens or max_tokens_per_doc");
  }
}

std::int64_t Engine::State::slots(bool alone) {
  const Turns::Turn turn = queue.next();
  const auto& [task, piece] = turn;
  if (is_batch(turn) && runs == plan.workers) return 0;
  if (task->bytes(piece) > plan.memory_limit - bytes) return 0;
  // With few pieces it is faster to run them one after another, each over all threads.
  const bool few = 2 * static_cast<std::int64_t>(queue.pieces()) <= threads();
  return alone && few && task->gains_alone(piece) ? threads() : 1;
}

std::vector<Turns::Turn> Engine::State::take() {
  std::vector<Turns::Turn> turns{queue.take()};
  bytes += turns.front().task->bytes(turns.front().piece);
  if (is_batch(turns.front())) ++runs;
  if (coalesces) add_company(turns);
  return turns;
}

void Engine::State::give_back(const std::vector<Turns::Turn>& turns) {
  for (const auto& [task, piece] : turns) bytes -= task->bytes(piece);
  if (is_batch(turns.front())) --runs;
}

void Engine::State::run(const std::vector<Turns::Turn>& turns, WorkerBuffers& buffers) {
  if (turns.size() > 1 && run_together(turns, buffers)) return;
  for (const Turns::Turn& turn : turns) run_one(turn, buffers);
}

void Engine::State::run_one(const Turns::Turn& turn, WorkerBuffers& buffers) {
  Task& task = *turn.task;
  if (task.call().is_late()) {
    stop_late(task);
  } else {
    try {
      task.run(turn.piece, buffers, task.stop_.get_token());
    } catch (...) {
      stop(task, std::current_exception(), &scorer.counters.failed);
    }
  }
}

}  // namespace rerank
