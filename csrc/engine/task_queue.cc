#include "engine/task_queue.h"

#include <algorithm>
#include <span>
#include <utility>

namespace rerank {

void TaskQueue::push(std::shared_ptr<Task> task) {
  const Load load = task->load();
  // Tasks without a row are those that make rows of texts: not for them to wait for room.
  if (load.rows == 0 || (door_.empty() && fits(load))) return enter({std::move(task), load});
  const int priority = task->call().priority;
  const auto behind = std::find_if(door_.begin(), door_.end(), [&](const Waiting& other) {
    return other.task->call().priority < priority;
  });
  door_.insert(behind, {std::move(task), load});
  admit();  // it may be the first now, and smaller than who was
}

Turns::Turn TaskQueue::take() {
  Turns::Turn turn = turns_.take();
  leave(turn);
  admit();
  return turn;
}

void TaskQueue::take_ahead(int priority, const Turns::Chosen& chosen,
                           std::vector<Turns::Turn>& taken) {
  const std::size_t before = taken.size();
  turns_.take_ahead(priority, chosen, taken);
  for (const Turns::Turn& turn : std::span(taken).subspan(before)) leave(turn);
  admit();
}

std::size_t TaskQueue::remove(const Task& task) {
  std::size_t left = task.num_pieces();
  if (const auto rest = turns_.remove(task)) {
    left = rest->pieces;
    load_.rows -= rest->load.rows;
    load_.tokens -= rest->load.tokens;
  } else {
    const auto waits = std::find_if(door_.begin(), door_.end(), [&](const Waiting& other) {
      return other.task.get() == &task;
    });
    if (waits == door_.end()) return 0;
    door_.erase(waits);
  }
  admit();
  return left;
}

std::vector<std::shared_ptr<Task>> TaskQueue::tasks() const {
  std::vector<std::shared_ptr<Task>> all = turns_.tasks();
  for (const Waiting& waiting : door_) all.push_back(waiting.task);
  return all;
}

bool TaskQueue::refuses(const Load& more) const {
  return bounds_.refuse && more.rows > 0 && !fits(more);
}

double TaskQueue::excess(const Load& more) const {
  const auto part = [](std::int64_t waits, std::int64_t comes, std::int64_t bound) {
    const double over =
        static_cast<double>(waits) - static_cast<double>(bound) + static_cast<double>(comes);
    return waits == 0 ? 0 : std::clamp(over / static_cast<double>(waits), 0.0, 1.0);
  };
  return std::max(part(load_.rows, more.rows, bounds_.rows),
                  part(load_.tokens, more.tokens, bounds_.tokens));
}

bool TaskQueue::fits(const Load& more) const {
  // Compared by differences: bounds may be as large as numbers go.
  return load_.rows == 0 ||
         (more.rows <= bounds_.rows - load_.rows && more.tokens <= bounds_.tokens - load_.tokens);
}

void TaskQueue::enter(Waiting task) {
  turns_.push(std::move(task.task));
  load_.rows += task.load.rows;
  load_.tokens += task.load.tokens;
}

void TaskQueue::leave(const Turns::Turn& turn) {
  const auto [rows, tokens] = turn.task->load(turn.piece);
  load_.rows -= rows;
  load_.tokens -= tokens;
}

void TaskQueue::admit() {
  while (!door_.empty() && fits(door_.front().load)) {
    enter(std::move(door_.front()));
    door_.pop_front();
  }
}

}  // namespace rerank
