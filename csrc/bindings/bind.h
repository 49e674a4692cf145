// What module.cc lists: one function per noun.
#pragma once

#include <pybind11/pybind11.h>

namespace rerank::bindings {

void bind_pair(pybind11::module_& m);
void bind_plan(pybind11::module_& m);
void bind_ranking(pybind11::module_& m);
void bind_model(pybind11::module_& m);
void bind_tokenizer(pybind11::module_& m);
void bind_call(pybind11::module_& m);
void bind_engine(pybind11::module_& m);
void bind_pending(pybind11::module_& m);
void bind_build(pybind11::module_& m);

}  // namespace rerank::bindings
