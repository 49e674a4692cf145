// Batches of several callers that run as one: which, and what happens where that fails.
#include <algorithm>
#include <optional>
#include <vector>

#include "engine/engine.h"

namespace rerank {

void Engine::State::add_company(std::vector<Turns::Turn>& turns) {
  const auto [task, piece] = turns.front();
  const auto* first = dynamic_cast<const Job*>(task.get());
  if (first == nullptr) return;
  const Batch& start = first->batch(piece);
  std::int64_t rows = start.rows;
  std::int64_t tokens = start.tokens;
  // In a fair turn of all the others passes as much; more would make a few documents wait for thousands.
  const auto others = static_cast<std::int64_t>(queue.size() - (queue.holds(*task) ? 1 : 0));
  const std::int64_t most = std::min(plan.max_batch_tokens, tokens * (1 + others));
  // No worker goes without a piece because another has several.
  const std::int64_t free = std::min(free_slots(), plan.workers - runs);
  std::int64_t spare = static_cast<std::int64_t>(queue.pieces()) - free;
  const auto chosen = [&](const Task& other,
                          const Turns::IsLeft& is_left) -> std::optional<std::size_t> {
    const auto* job = dynamic_cast<const Job*>(&other);
    if (job == nullptr || rows == plan.max_batch_rows || tokens >= most || spare <= 0)
      return std::nullopt;
    const auto next = job->last_batch(start.width, is_left);
    if (!next || job->batch(*next).rows > plan.max_batch_rows - rows ||
        job->batch(*next).tokens > most - tokens || job->bytes(*next) > plan.memory_limit - bytes)
      return std::nullopt;
    rows += job->batch(*next).rows;
    tokens += job->batch(*next).tokens;
    bytes += job->bytes(*next);
    --spare;
    return next;
  };
  queue.take_ahead(task->call().priority, chosen, turns);
}

// False where it failed: then each runs alone, and only whose fault it is fails.
bool Engine::State::run_together(const std::vector<Turns::Turn>& turns, WorkerBuffers& buffers) {
  std::vector<JobBatch> parts;
  for (const auto& [task, piece] : turns) {
    if (task->call().is_late())
      stop_late(*task);
    else
      parts.push_back({dynamic_cast<Job*>(task.get()), piece});
  }
  if (parts.empty()) return true;
  try {
    // Who stops one of them does not stop the others.
    run_batches(scorer, parts, buffers, {});
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace rerank
