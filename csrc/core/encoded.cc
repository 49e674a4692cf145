#include "core/encoded.h"

#include <stdexcept>
#include <string>

namespace rerank {

void Encoded::validate() const {
  if (offsets.empty() || offsets.front() != 0)
    throw std::invalid_argument("offsets must start with 0");
  for (std::size_t i = 1; i < offsets.size(); ++i)
    if (offsets[i] < offsets[i - 1])
      throw std::invalid_argument("offsets must never fall, but offsets[" + std::to_string(i) +
                                  "] does");
  if (static_cast<std::uint64_t>(offsets.back()) != ids.size())
    throw std::invalid_argument("offsets must end at the number of ids, " +
                                std::to_string(ids.size()) + ", not " +
                                std::to_string(offsets.back()));
}

}  // namespace rerank
