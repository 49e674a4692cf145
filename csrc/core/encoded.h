// Texts as token ids, borrowed from the caller: text i is ids[offsets[i]] up to ids[offsets[i + 1]].
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rerank {

struct Encoded {
  std::span<const std::int32_t> ids;
  std::span<const std::int64_t> offsets;  // one more than there are texts

  std::size_t size() const { return offsets.size() - 1; }
  std::span<const std::int32_t> operator[](std::size_t text) const {
    const auto begin = static_cast<std::size_t>(offsets[text]);
    return ids.subspan(begin, static_cast<std::size_t>(offsets[text + 1]) - begin);
  }

  // Throws std::invalid_argument unless offsets start at 0, never fall and end at ids.size():
  // after it, operator[] is safe for every text below size().
  void validate() const;
};

}  // namespace rerank
