// A map from a pair of ids to two small numbers: open addressing in one array, built once and then read.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rerank {

class PairMap {
 public:
  struct Value {
    std::uint32_t rank;
    std::int32_t id;
  };
  static constexpr std::uint32_t kNone = UINT32_MAX;  // the rank of a pair that is not there

  // Room for `size` pairs, at most half full.
  explicit PairMap(std::size_t size = 0)
      : slots_(std::bit_ceil(size * 2 + 2), Slot{kEmpty, {kNone, -1}}),
        shift_(64 - std::countr_zero(slots_.size())) {}

  void set(std::int32_t left, std::int32_t right, Value value) {
    slots_[index(key(left, right))] = {key(left, right), value};
  }
  Value get(std::int32_t left, std::int32_t right) const {
    return slots_[index(key(left, right))].value;
  }
  bool contains(std::int32_t left, std::int32_t right) const {
    return slots_[index(key(left, right))].key != kEmpty;
  }

 private:
  struct Slot {
    std::uint64_t key;
    Value value;
  };
  static constexpr std::uint64_t kEmpty = UINT64_MAX;  // no id is negative

  static std::uint64_t key(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }
  // Where `key` stands or would stand (Fibonacci hashing, linear probing).
  std::size_t index(std::uint64_t key) const {
    const std::uint64_t mixed = (key ^ key >> 29) * 0x9E3779B97F4A7C15;
    auto i = static_cast<std::size_t>(mixed >> shift_);
    while (slots_[i].key != key && slots_[i].key != kEmpty) i = (i + 1) & (slots_.size() - 1);
    return i;
  }

  std::vector<Slot> slots_;
  int shift_;
};

}  // namespace rerank
