// The tasks of an engine: those whose pieces are taken in turns, and those that wait at the door
// because the queue is full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <vector>

#include "engine/task.h"
#include "engine/turns.h"

namespace rerank {

// How much may wait. A request that is larger than that comes in when nothing else waits.
struct QueueBounds {
  std::int64_t rows = std::numeric_limits<std::int64_t>::max();
  std::int64_t tokens = std::numeric_limits<std::int64_t>::max();  // padded
  bool refuse = false;  // what finds no room, instead of letting it wait at the door
};

// Not thread-safe.
class TaskQueue {
 public:
  explicit TaskQueue(QueueBounds bounds) : bounds_(bounds) {}

  const QueueBounds& bounds() const { return bounds_; }

  // Whether these bounds refuse a request of so much now. push does not ask.
  bool refuses(const Load& more) const;
  // The part of what waits that has to go before there is room for it, 0 to 1.
  double excess(const Load& more) const;

  void push(std::shared_ptr<Task> task);

  bool empty() const { return turns_.empty(); }  // then nobody is at the door either
  Turns::Turn next() { return turns_.next(); }
  Turns::Turn take();
  void take_ahead(int priority, const Turns::Chosen& chosen, std::vector<Turns::Turn>& taken);
  bool holds(const Task& task) const { return turns_.holds(task); }  // behind the door
  std::size_t pieces() const { return turns_.pieces(); }             // behind the door

  // Takes the task out; gives the number of its pieces that now will not be taken.
  std::size_t remove(const Task& task);
  std::vector<std::shared_ptr<Task>> tasks() const;

  // Rows and tokens that wait behind the door, and tasks on both sides of it.
  Load load() const { return load_; }
  std::size_t size() const { return turns_.size() + door_.size(); }

 private:
  struct Waiting {
    std::shared_ptr<Task> task;
    Load load;
  };

  bool fits(const Load& more) const;
  void enter(Waiting task);
  void leave(const Turns::Turn& turn);
  void admit();

  const QueueBounds bounds_;
  Turns turns_;
  Load load_;
  std::list<Waiting> door_;  // by priority, then first come, first in: none overtakes
};

}  // namespace rerank
