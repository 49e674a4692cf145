#include "core/row_key.h"

#include <bit>
#include <random>
#include <unordered_map>

namespace rerank {
namespace {

// SipHash over words of 64 bits, with the 128-bit output of its authors' reference implementation.
class SipHash {
 public:
  explicit SipHash(const RowSecret& secret)
      : v0_(secret.low ^ 0x736f6d6570736575),
        v1_(secret.high ^ 0x646f72616e646f6d ^ 0xee),
        v2_(secret.low ^ 0x6c7967656e657261),
        v3_(secret.high ^ 0x7465646279746573) {}

  void add(std::uint64_t word) {
    v3_ ^= word;
    rounds(2);
    v0_ ^= word;
  }

  // `last` is what is left of the message, and its length in the highest byte.
  RowKey finish(std::uint64_t last) {
    add(last);
    v2_ ^= 0xee;
    rounds(4);
    const std::uint64_t low = mixed();
    v1_ ^= 0xdd;
    rounds(4);
    return {low, mixed()};
  }

 private:
  std::uint64_t mixed() const { return v0_ ^ v1_ ^ v2_ ^ v3_; }

  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0_ += v1_;
      v2_ += v3_;
      v1_ = std::rotl(v1_, 13) ^ v0_;
      v3_ = std::rotl(v3_, 16) ^ v2_;
      v0_ = std::rotl(v0_, 32);
      v2_ += v1_;
      v0_ += v3_;
      v1_ = std::rotl(v1_, 17) ^ v2_;
      v3_ = std::rotl(v3_, 21) ^ v0_;
      v2_ = std::rotl(v2_, 32);
    }
  }

  std::uint64_t v0_;
  std::uint64_t v1_;
  std::uint64_t v2_;
  std::uint64_t v3_;
};

}  // namespace

RowSecret RowSecret::random() {
  std::random_device device;
  const auto word = [&] { return std::uint64_t{device()} << 32 | device(); };
  return {word(), word()};
}

// The message is the number of query tokens in 8 bytes, then each id in 4, lowest byte first.
RowKey row_key(const RowSecret& secret, const RowIds& row) {
  SipHash hash(secret);
  hash.add(row.query.size());
  std::uint64_t half = 0;
  std::uint64_t count = 0;
  for (const auto ids : {row.query, row.document})
    for (const std::int32_t id : ids) {
      const auto bits = std::uint64_t{static_cast<std::uint32_t>(id)};
      if (count++ % 2 == 0)
        half = bits;
      else
        hash.add(bits << 32 | half);
    }
  const std::uint64_t bytes = 8 + 4 * count;
  return hash.finish((count % 2 == 0 ? 0 : half) | bytes << 56);
}

std::vector<RowKey> row_keys(const RowSecret& secret, const Encoded& queries,
                             const Encoded& documents, std::span<const std::int64_t> query_of,
                             const PairedRows& paired) {
  std::vector<RowKey> keys;
  keys.reserve(paired.rows.size());
  for (const Row& row : paired.rows)
    keys.push_back(row_key(secret, ids_of(row, queries, documents, query_of)));
  return keys;
}

std::vector<std::int64_t> first_equal(std::span<const RowKey> keys) {
  std::unordered_map<RowKey, std::int64_t> seen;
  seen.reserve(keys.size());
  std::vector<std::int64_t> first;
  first.reserve(keys.size());
  for (const RowKey& key : keys)
    first.push_back(seen.try_emplace(key, static_cast<std::int64_t>(first.size())).first->second);
  return first;
}

}  // namespace rerank
