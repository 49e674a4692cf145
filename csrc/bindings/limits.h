// PairLimits from the keyword arguments that Engine.score and pack_pairs share.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "core/pair.h"

namespace rerank::bindings {

inline PairLimits make_limits(const pybind11::kwargs& given) {
  namespace py = pybind11;
  PairLimits limits{};
  for (const auto& [key, value] : given) {
    const auto name = py::cast<std::string>(key);
    if (name == "truncate") {
      const auto choice = py::cast<std::string>(value);
      if (choice != "END" && choice != "NONE") throw py::value_error("truncate is END or NONE");
      limits.truncate = choice == "END" ? Truncate::kEnd : Truncate::kNone;
    } else if (name == "row_tokens") {
      limits.row_tokens = py::cast<std::int64_t>(value);
    } else if (name == "pair_tokens") {
      limits.pair_tokens = py::cast<std::int64_t>(value);
    } else if (name == "doc_tokens") {
      limits.doc_tokens = py::cast<std::int64_t>(value);
    } else if (name == "max_chunks") {
      limits.max_chunks = py::cast<std::int64_t>(value);
    } else {
      throw py::type_error("no limit is named " + name);
    }
  }
  return limits;
}

}  // namespace rerank::bindings
