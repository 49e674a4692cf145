// Whose piece is started next.
//
// Higher priorities go first, always. Within one, tasks take turns: in its turn a task starts pieces
// until they have cost kTurn tokens, and what the last one cost beyond that is taken off its next
// turns (surplus round robin). So a task that comes waits for one turn of each other, however many
// pieces those have left, and over time all get the same share of tokens, however wide their rows.
// Weighted fair queueing would bound the wait by the same, with a virtual clock and a search tree;
// here a piece is taken in constant time.
//
// A piece may also be taken ahead of its turn, to run together with that of another task.
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
  bool holds(const Task& task) const { return places_.contains(&task); }

  // The task must have a piece; it leaves with its last.
  void push(std::shared_ptr<Task> task);
  // Of those that are here; there must be one.
  Turn next();
  Turn take();
  // Ahead of their turn, and paid for as in it: what `chosen` names of the pieces of each task that
  // are left. Asked once for each of the next kLooks tasks of this priority.
  using IsLeft = std::function<bool(std::size_t piece)>;
  using Chosen = std::function<std::optional<std::size_t>(const Task&, const IsLeft&)>;
  void take_ahead(int priority, const Chosen& chosen, std::vector<Turn>& taken);
  std::size_t pieces() const { return pieces_; }

  // What was left of the task, if it was here.
  struct Rest {
    std::size_t pieces = 0;
    Load load{};
  };
  std::optional<Rest> remove(const Task& task);
  std::vector<std::shared_ptr<Task>> tasks() const;

 private:
  static constexpr std::size_t kLooks = 256;

  struct Entry {
    std::shared_ptr<Task> task;
    std::size_t next = 0;  // piece
    std::int64_t credit = kTurn;
    std::vector<bool> ahead{};  // which pieces were taken ahead; empty where none was

    bool is_left(std::size_t piece) const {
      return piece >= next && (ahead.empty() || !ahead[piece]);
    }
  };
  using Lane = std::list<Entry>;  // whose turn it is in front

  Turn take(Lane::iterator place, std::size_t piece);
  void erase(Lane::iterator place);

  std::map<int, Lane, std::greater<>> lanes_;  // by priority; none is empty
  std::unordered_map<const Task*, Lane::iterator> places_;
  std::size_t pieces_ = 0;  // that were not taken
};

}  // namespace rerank
