#include "core/pack.h"

#include <algorithm>
#include <cassert>
#include <cstddef>

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
  const auto place_of = [&](std::int64_t row) {
    const std::int64_t tokens = paired.row_tokens[static_cast<std::size_t>(row)];
    assert(packed.width == 0 || tokens <= packed.width);
    return static_cast<std::size_t>(packed.width == 0 ? tokens : packed.width);
  };
  std::size_t at = packed.input_ids.size();
  std::size_t size = at;
  for (const std::int64_t row : rows) size += place_of(row);
  packed.rows += static_cast<std::int64_t>(rows.size());
  packed.input_ids.resize(size, 0);
  packed.token_type_ids.resize(size, 0);
  if (packed.width != 0) packed.attention_mask.resize(size, 0);

  for (const std::int64_t row : rows) {
    const auto index = static_cast<std::size_t>(row);
    const auto [query, document] = ids_of(paired.rows[index], queries, documents, query_of);
    const std::int64_t tokens = paired.row_tokens[index];
    layout.write(query, document, packed.input_ids.data() + at, packed.token_type_ids.data() + at);
    if (packed.width != 0) std::fill_n(packed.attention_mask.data() + at, tokens, 1);
    packed.row_tokens.push_back(tokens);
    at += place_of(row);
  }
}

}  // namespace rerank
