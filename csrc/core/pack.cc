#include "core/pack.h"

#include <algorithm>
#include <cassert>
#include <cstddef>

namespace rerank {

void pack(const PairTemplate& layout, const Encoded& queries, const Encoded& documents,
          std::span<const std::int64_t> query_of, const PairedRows& paired,
          std::span<const std::int64_t> rows, std::int64_t width, PackedBatch& packed) {
  packed.rows = static_cast<std::int64_t>(rows.size());
  packed.width = width;
  const std::size_t size = rows.size() * static_cast<std::size_t>(width);
  packed.input_ids.assign(size, 0);
  packed.attention_mask.assign(size, 0);
  packed.token_type_ids.assign(size, 0);

  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto index = static_cast<std::size_t>(rows[i]);
    const auto [query, document] = ids_of(paired.rows[index], queries, documents, query_of);
    assert(paired.row_tokens[index] <= width);
    const std::size_t at = i * static_cast<std::size_t>(width);
    layout.write(query, document, packed.input_ids.data() + at, packed.token_type_ids.data() + at);
    std::fill_n(packed.attention_mask.data() + at, paired.row_tokens[index], 1);
  }
}

}  // namespace rerank
