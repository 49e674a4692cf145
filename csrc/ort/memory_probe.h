// What a row takes while it runs.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "ort/library.h"
#include "ort/session_options.h"

namespace rerank::ort {

// Runs a row of `id` of each of some widths, ascending to max_width, in a session that is thrown away;
// gives each width with the bytes of its activations at their peak. Stops after a row that took long.
// Throws what CrossEncoder does.
std::vector<std::pair<std::int64_t, std::int64_t>> probe_memory(const Library& library,
                                                                SessionConfig config,
                                                                std::int64_t max_width,
                                                                std::int64_t id);

}  // namespace rerank::ort
