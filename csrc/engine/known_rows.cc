#include "engine/known_rows.h"

#include <optional>
#include <utility>

namespace rerank {

KnownRows known_rows(std::vector<RowKey> keys, ScoreCache& cache) {
  KnownRows known;
  known.first_equal = first_equal(keys);
  known.logits.resize(keys.size());

  std::vector<std::int64_t> distinct;
  std::vector<RowKey> distinct_keys;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    if (known.first_equal[i] != row) continue;
    distinct.push_back(row);
    distinct_keys.push_back(keys[i]);
  }
  const std::vector<std::optional<float>> found = cache.find(distinct_keys);
  for (std::size_t i = 0; i < distinct.size(); ++i) {
    if (found[i])
      known.logits[static_cast<std::size_t>(distinct[i])] = *found[i];
    else
      known.to_run.push_back(distinct[i]);
  }
  known.repeats = static_cast<std::int64_t>(keys.size() - distinct.size());
  known.cache_hits = static_cast<std::int64_t>(distinct.size() - known.to_run.size());
  known.keys = std::move(keys);
  return known;
}

}  // namespace rerank
