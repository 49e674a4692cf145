#include "engine/turns.h"

#include <algorithm>
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
  const auto place = lanes_.begin()->second.begin();
  return take(place, place->next);
}

void Turns::take_ahead(int priority, const Chosen& chosen, std::vector<Turn>& taken) {
  const auto lane = lanes_.find(priority);
  if (lane == lanes_.end()) return;
  auto place = lane->second.begin();
  for (std::size_t looks = std::min(lane->second.size(), kLooks); looks > 0; --looks) {
    const auto current = place++;  // it may go, and with the last one the lane
    const auto piece =
        chosen(*current->task, [current](std::size_t other) { return current->is_left(other); });
    if (piece) taken.push_back(take(current, *piece));
  }
}

Turns::Turn Turns::take(Lane::iterator place, std::size_t piece) {
  assert(place->is_left(piece));
  Entry& entry = *place;
  const std::size_t end = entry.task->num_pieces();
  if (piece != entry.next) {
    entry.ahead.resize(end);
    entry.ahead[piece] = true;
  } else {
    do ++entry.next;
    while (entry.next < end && !entry.is_left(entry.next));
  }
  --pieces_;
  entry.credit -= entry.task->cost(piece);
  Turn turn{entry.task, piece};
  if (entry.next == end) erase(place);
  return turn;
}

std::optional<Turns::Rest> Turns::remove(const Task& task) {
  const auto found = places_.find(&task);
  if (found == places_.end()) return std::nullopt;
  const Entry& entry = *found->second;
  Rest rest;
  for (std::size_t piece = entry.next; piece < task.num_pieces(); ++piece) {
    if (!entry.is_left(piece)) continue;
    const auto [rows, tokens] = task.load(piece);
    ++rest.pieces;
    rest.load.rows += rows;
    rest.load.tokens += tokens;
  }
  pieces_ -= rest.pieces;
  erase(found->second);
  return rest;
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
