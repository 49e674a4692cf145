#include "engine/score_cache.h"

#include <cmath>
#include <iterator>

namespace rerank {

std::size_t ScoreCache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

std::vector<std::optional<float>> ScoreCache::find(std::span<const RowKey> keys) {
  std::vector<std::optional<float>> logits(keys.size());
  if (!keeps_any()) return logits;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto found = places_.find(keys[i]);
    if (found == places_.end()) continue;
    entries_.splice(entries_.begin(), entries_, found->second);
    logits[i] = found->second->logit;
  }
  return logits;
}

void ScoreCache::add(std::span<const RowKey> keys, std::span<const float> logits) {
  if (!keeps_any()) return;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (std::isnan(logits[i])) continue;  // no answer
    const auto found = places_.find(keys[i]);
    if (found != places_.end()) {  // another call ran it meanwhile
      entries_.splice(entries_.begin(), entries_, found->second);
      continue;
    }
    if (entries_.size() == capacity_) {
      places_.erase(entries_.back().key);
      entries_.splice(entries_.begin(), entries_, std::prev(entries_.end()));
      entries_.front() = {keys[i], logits[i]};
    } else {
      entries_.push_front({keys[i], logits[i]});
    }
    places_.emplace(keys[i], entries_.begin());
  }
}

}  // namespace rerank
