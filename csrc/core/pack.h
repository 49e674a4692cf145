// From a batch of rows to the three tensors of a cross-encoder.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/batch_plan.h"
#include "core/encoded.h"
#include "core/pair.h"

namespace rerank {

// Row-major [rows, width]; padding on the right, all zeros: it is masked, so its id does not matter.
// Reused from batch to batch: it allocates only when a batch is larger than any before.
struct PackedBatch {
  std::int64_t rows = 0;
  std::int64_t width = 0;
  std::vector<std::int64_t> input_ids;
  std::vector<std::int64_t> attention_mask;
  std::vector<std::int64_t> token_type_ids;

  // Without a row.
  void begin(std::int64_t row_width);
};

// Adds rows, by index into `paired.rows`, to the batch; each must fit into its width.
void pack(const PairTemplate& layout, const Encoded& queries, const Encoded& documents,
          std::span<const std::int64_t> query_of, const PairedRows& paired,
          std::span<const std::int64_t> rows, PackedBatch& packed);

}  // namespace rerank
