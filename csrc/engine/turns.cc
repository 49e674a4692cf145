#include "engine/turns.h"

#include <cassert>
#include <iterator>
#include <utility>

namespace rerank {

void Turns::push(std::shared_ptr<Task> task) {
  assert(task->num_pieces() > 0);
  const Task* const key = task.get();
  Lane& lane = lanes_[key->call().priority];
  lane.push_back({std::move(task)});
  places_.emplace(key, std::prev(lane.end()));
  pieces_ += key->num_pieces();
}

Turns::Turn Turns::next() {
  Lane& lane = lanes_.begin()->second;
  while (lane.front().credit <= 0) {  // its turn is over
    lane.front().credit += kTurn;
    lane.splice(lane.end(), lane, lane.begin());
  }
  return {lane.front().task, lane.front().next};
}

Turns::Turn Turns::take() {
  next();  // comes to the front
  return take(lanes_.begin()->second.begin());
}

void Turns::take_beside(int priority, const Suits& suits, std::vector<Turn>& taken) {
  const auto lane = lanes_.find(priority);
  if (lane == lanes_.end()) return;
  auto place = lane->second.begin();
  for (std::size_t left = lane->second.size(); left > 0; --left) {
    const auto current = place++;  // it may go, and with the last one the lane
    if (suits(*current->task, current->next)) taken.push_back(take(current));
  }
}

Turns::Turn Turns::take(Lane::iterator place) {
  Turn turn{place->task, place->next};
  --pieces_;
  ++place->next;
  place->credit -= turn.task->cost(turn.piece);
  if (place->next == turn.task->num_pieces()) erase(place);
  return turn;
}

std::optional<std::size_t> Turns::remove(const Task& task) {
  const auto found = places_.find(&task);
  if (found == places_.end()) return std::nullopt;
  const std::size_t first = found->second->next;
  pieces_ -= task.num_pieces() - first;
  erase(found->second);
  return first;
}

std::vector<std::shared_ptr<Task>> Turns::tasks() const {
  std::vector<std::shared_ptr<Task>> all;
  for (const auto& [priority, lane] : lanes_)
    for (const Entry& entry : lane) all.push_back(entry.task);
  return all;
}

void Turns::erase(Lane::iterator place) {
  const int priority = place->task->call().priority;
  places_.erase(place->task.get());
  Lane& lane = lanes_.at(priority);
  lane.erase(place);
  if (lane.empty()) lanes_.erase(priority);
}

}  // namespace rerank
