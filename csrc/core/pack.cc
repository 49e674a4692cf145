#include "core/pack.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <numeric>

namespace rerank {

void PackedBatch::begin(std::int64_t row_width) {
  rows = 0;
  width = row_width;
  input_ids.clear();
  row_tokens.clear();
  attention_mask.clear();
  token_type_ids.clear();
}

void pack(const PairTemplate& layout, const Encoded& queries, const Encoded& documents,
          std::span<const std::int64_t> query_of, const PairedRows& paired,
          std::span<const std::int64_t> rows, PackedBatch& packed) {
  std::size_t at = packed.input_ids.size();
  packed.rows += static_cast<std::int64_t>(rows.size());
  for (const std::int64_t row : rows)
    packed.row_tokens.push_back(paired.row_tokens[static_cast<std::size_t>(row)]);
  const std::span tokens = std::span(packed.row_tokens).last(rows.size());
  const bool pads = packed.width != 0;
  const std::size_t size =
      at + static_cast<std::size_t>(
               pads ? packed.width * static_cast<std::int64_t>(rows.size())
                    : std::accumulate(tokens.begin(), tokens.end(), std::int64_t{0}));
  packed.input_ids.resize(size, 0);
  if (pads) packed.attention_mask.resize(size, 0);
  packed.token_type_ids.resize(size, 0);

  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(rows[i]);
    const auto [query, document] = ids_of(paired.rows[row], queries, documents, query_of);
    assert(!pads || tokens[i] <= packed.width);
    layout.write(query, document, packed.input_ids.data() + at, packed.token_type_ids.data() + at);
    if (pads) std::fill_n(packed.attention_mask.data() + at, tokens[i], 1);
    at += static_cast<std::size_t>(pads ? packed.width : tokens[i]);
  }
}

}  // namespace rerank
