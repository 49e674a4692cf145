// How arrays cross the border: borrowed on the way in, moved on the way out, never copied.
#pragma once

#include <pybind11/numpy.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/encoded.h"

namespace rerank::bindings {

namespace py = pybind11;

// Bound with py::arg().noconvert(): another dtype, or strides, are refused rather than copied.
template <class T>
using Array = py::array_t<T, py::array::c_style>;

// Valid while the array is; needs no GIL.
template <class T>
std::span<const T> view(const Array<T>& array) {
  if (array.ndim() != 1) throw py::value_error("expected an array of one dimension");
  return {array.data(), static_cast<std::size_t>(array.size())};
}

// Not validated: the core does it, once and without the GIL, before it reads.
inline Encoded view(const Array<std::int32_t>& ids, const Array<std::int64_t>& offsets) {
  return {view(ids), view(offsets)};
}

// The array keeps the vector alive.
template <class T, class Allocator>
py::array_t<T> give(std::vector<T, Allocator> values) {
  auto owner = std::make_unique<std::vector<T, Allocator>>(std::move(values));
  T* data = owner->data();
  const auto size = static_cast<py::ssize_t>(owner->size());
  const py::capsule base(owner.get(),
                         [](void* p) { delete static_cast<std::vector<T, Allocator>*>(p); });
  static_cast<void>(owner.release());  // the capsule has it now
  return py::array_t<T>(size, data, base);
}

inline py::array_t<bool> give(const std::vector<bool>& values) {
  py::array_t<bool> array(static_cast<py::ssize_t>(values.size()));
  std::copy(values.begin(), values.end(), array.mutable_data());
  return array;
}

}  // namespace rerank::bindings
