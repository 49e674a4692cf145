// A tokenizer with the working memory that its users share, as Python holds it.
#pragma once

#include <pybind11/pybind11.h>

#include <string_view>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "core/text/encode_batch.h"
#include "core/text/tokenizer.h"

namespace rerank::bindings {

struct NativeTokenizer {
  explicit NativeTokenizer(TokenizerParts parts) : tokenizer(std::move(parts)), pool(tokenizer) {}

  Tokenizer tokenizer;
  ScratchPool pool;
};

// The UTF-8 of each str, which lives as long as the str does. Raises UnicodeEncodeError for a lone
// surrogate, TypeError for anything else than a str.
std::vector<std::string_view> views(const pybind11::tuple& texts);

// (ids, offsets), which keep their vectors alive.
inline pybind11::tuple give(EncodedTexts encoded) {
  return pybind11::make_tuple(give(std::move(encoded.ids)), give(std::move(encoded.offsets)));
}

}  // namespace rerank::bindings
