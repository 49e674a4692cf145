// From a batch of rows to the tensors of a cross-encoder.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/batch_plan.h"
#include "core/encoded.h"
#include "core/pair.h"

namespace rerank {

// Row-major [rows, width]; padding on the right, all zeros: it is masked, so its id does not matter.
// Or the rows one behind the other, as long as they are, without padding and mask.
// Reused from batch to batch: it allocates only when a batch is larger than any before.
struct PackedBatch {
  std::int64_t rows = 0;
  std::int64_t width = 0;                // 0: nothing is padded
  std::vector<std::int64_t> row_tokens;  // without padding
  std::vector<std::int64_t> input_ids;
  std::vector<std::int64_t> attention_mask;
  std::vector<std::int64_t> token_type_ids;

  std::int64_t tokens() const { return static_cast<std::int64_t>(input_ids.size()); }  // padded

  // Without a row. Width 0: rows are not padded.
  void begin(std::int64_t row_width);
};

// Adds rows, by index into `paired.rows`, to the batch; each must fit into its width, if it has one.
void pack(const PairTemplate& layout, const Encoded& queries, const Encoded& documents,
          std::span<const std::int64_t> query_of, const PairedRows& paired,
          std::span<const std::int64_t> rows, PackedBatch& packed);

}  // namespace rerank
