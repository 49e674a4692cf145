// A tokenizer with the working memory that its users share, as Python holds it.
#pragma once

#include <pybind11/pybind11.h>

#include <string_view>
#include <utility>
#include <vector>

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

}  // namespace rerank::bindings
