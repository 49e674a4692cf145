#include "core/pack.h"

#include <algorithm>
#include <cassert>
#include <cstddef>

namespace rerank {

void PackedBatch::begin(std::int64_t row_width) {
  rows = 0;
  width = row_width;
  input_ids.clear();
  attention_mask.clear();
  token_type_ids.clear();
}

void pack(const PairTemplate& layout, const Encoded& queries, const Encoded& documents,
          std::span<const std::int64_t> query_of, const PairedRows& paired,
          std::span<const std::int64_t> rows, PackedBatch& packed) {
  const auto width = static_cast<std::size_t>(packed.width);
  std::size_t at = static_cast<std::size_t>(packed.rows) * width;
  packed.rows += static_cast<std::int64_t>(rows.size());
  const std::size_t size = at + rows.size() * width;
  packed.input_ids.resize(size, 0);
  packed.attention_mask.resize(size, 0);
  packed.token_type_ids.resize(size, 0);

  for (const std::int64_t row : rows) {
    const auto index = static_cast<std::size_t>(row);
    const auto [query, document] = ids_of(paired.rows[index], queries, documents, query_of);
    assert(paired.row_tokens[index] <= packed.width);
    layout.write(query, document, packed.input_ids.data() + at, packed.token_type_ids.data() + at);
    std::fill_n(packed.attention_mask.data() + at, paired.row_tokens[index], 1);
    at += width;
  }
}

}  // namespace rerank
