// What a graph takes and gives.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ort/library.h"

namespace rerank::ort {

struct Signature {
  std::string name;
  bool is_tensor = false;
  ElementType element{};
  std::vector<std::int64_t> dims;  // below 0 where only a run tells
};

enum class End : std::uint8_t { kInputs, kOutputs };

// `file` is what messages name. Throws Error(kModel).
std::vector<Signature> signatures(const Library& library, const Session* session, End end,
                                  const std::string& file);

std::vector<std::string> names(std::span<const Signature> signatures);

// "[?, 1]", for messages.
std::string shape_text(std::span<const std::int64_t> dims);

}  // namespace rerank::ort
