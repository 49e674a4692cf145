// What stands for the ids of a row where equal rows are looked for.
//
// 128 bits of SipHash-2-4 (Aumasson and Bernstein, 2012) under a secret, instead of the ids. Two rows
// that differ share a key by chance only, as nobody can make such rows without the secret: among a
// billion rows once in 2^69, far below what memory itself gets wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/encoded.h"
#include "core/pair.h"

namespace rerank {

struct RowKey {
  std::uint64_t low;
  std::uint64_t high;
  bool operator==(const RowKey&) const = default;
};

struct RowSecret {
  std::uint64_t low;
  std::uint64_t high;

  static RowSecret random();
};

RowKey row_key(const RowSecret& secret, const RowIds& row);

// By row.
std::vector<RowKey> row_keys(const RowSecret& secret, const Encoded& queries,
                             const Encoded& documents, std::span<const std::int64_t> query_of,
                             const PairedRows& paired);

// By row: the first one with its key, which is often itself.
std::vector<std::int64_t> first_equal(std::span<const RowKey> keys);

}  // namespace rerank

// All bits of a key are as good as random.
template <>
struct std::hash<rerank::RowKey> {
  std::size_t operator()(const rerank::RowKey& key) const noexcept {
    return static_cast<std::size_t>(key.low);
  }
};
