// From what Python's json module makes of a tokenizer.json to the parts of a tokenizer.
#pragma once

#include <pybind11/pybind11.h>

#include "core/text/tokenizer.h"

namespace rerank::bindings {

// `json` is the whole file; the ids of its added tokens must already be those that the library gives.
// Throws std::invalid_argument for a component, or an option of one, that the core does not implement,
// and that or pybind11::cast_error where something is missing or wrong. Either way the whole tokenizer
// goes to the `tokenizers` library, which refuses what is wrong with a message of its own.
TokenizerParts read_tokenizer(const pybind11::dict& json);

}  // namespace rerank::bindings
