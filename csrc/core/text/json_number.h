// The value of a JSON number as the `tokenizers` library has it: its parser, serde_json, is fast and may
// miss the nearest double by a unit in the last place, and where two segmentations tie that decides.
#pragma once

#include <string_view>

namespace rerank {

// Throws std::invalid_argument if `text` is not one JSON number or is beyond the doubles.
double json_number(std::string_view text);

}  // namespace rerank
