// Logits of rows that were run before, so that an equal row need not be.
//
// Exact: a row's logit depends on its ids alone (promise 1), so what is kept is what a run would give,
// to the bit on a CPU. Bounded: the least recently used row goes first.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/row_key.h"

namespace rerank {

// Thread-safe.
class ScoreCache {
 public:
  explicit ScoreCache(std::size_t capacity) : capacity_(capacity) {}  // in rows; 0 keeps nothing

  bool keeps_any() const { return capacity_ > 0; }
  std::size_t size() const;

  // By key.
  std::vector<std::optional<float>> find(std::span<const RowKey> keys);
  void add(std::span<const RowKey> keys, std::span<const float> logits);

 private:
  struct Entry {
    RowKey key;
    float logit;
  };
  using Entries = std::list<Entry>;

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  Entries entries_;  // the most recently used in front
  std::unordered_map<RowKey, Entries::iterator> places_;
};

}  // namespace rerank
