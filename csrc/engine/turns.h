// Whose piece is started next.
//
// Higher priorities go first, always. Within one, tasks take turns: in its turn a task starts pieces
// until they have cost kTurn tokens, and what the last one cost beyond that is taken off its next
// turns (surplus round robin). So a task that comes waits for one turn of each other, however many
// pieces those have left, and over time all get the same share of tokens, however wide their rows.
// Weighted fair queueing would bound the wait by the same, with a virtual clock and a search tree;
// here a piece is taken in constant time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/task.h"

namespace rerank {

// Not thread-safe.
class Turns {
 public:
  static constexpr std::int64_t kTurn = 512;

  struct Turn {
    std::shared_ptr<Task> task;
    std::size_t piece;
  };

  bool empty() const { return lanes_.empty(); }
  std::size_t size() const { return places_.size(); }

  // The task must have a piece; it leaves with its last.
  void push(std::shared_ptr<Task> task);
  // Of those that are here; there must be one.
  Turn next();
  Turn take();
  // Out of turn, and paid for as in it: the next piece of each task of this priority where `suits`
  // says yes, which is asked once for each.
  using Suits = std::function<bool(const Task&, std::size_t piece)>;
  void take_beside(int priority, const Suits& suits, std::vector<Turn>& taken);
  std::size_t pieces() const { return pieces_; }

  // The first piece that was not taken, if the task was here.
  std::optional<std::size_t> remove(const Task& task);
  std::vector<std::shared_ptr<Task>> tasks() const;

 private:
  struct Entry {
    std::shared_ptr<Task> task;
    std::size_t next = 0;
    std::int64_t credit = kTurn;
  };
  using Lane = std::list<Entry>;  // whose turn it is in front

  Turn take(Lane::iterator place);
  void erase(Lane::iterator place);

  std::map<int, Lane, std::greater<>> lanes_;  // by priority; none is empty
  std::unordered_map<const Task*, Lane::iterator> places_;
  std::size_t pieces_ = 0;  // that were not taken
};

}  // namespace rerank
