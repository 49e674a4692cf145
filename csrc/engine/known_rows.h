// What is known of a request's rows before any is run: which are equal, and which were run before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/row_key.h"
#include "engine/score_cache.h"

namespace rerank {

struct KnownRows {
  std::vector<RowKey> keys;               // by row
  std::vector<std::int64_t> first_equal;  // by row: the one that has its logit
  std::vector<float> logits;              // by row; 0 where it is not known
  std::vector<std::int64_t> to_run;       // rows, ascending
  std::int64_t repeats = 0;               // rows that are equal to one before
  std::int64_t cache_hits = 0;            // of the others
};

KnownRows known_rows(std::vector<RowKey> keys, ScoreCache& cache);

}  // namespace rerank
