#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bind.h"
#include "bindings/gil.h"
#include "bindings/native_tokenizer.h"
#include "bindings/tokenizer_json.h"

namespace rerank::bindings {
namespace {

// Calls `step` for each of `count` slices, on `threads` threads of its own, this one among them.
template <class Step>
void for_each_slice(std::size_t count, std::size_t threads, const Step& step) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t slice; (slice = next++) < count;) {
      try {
        step(slice);
      } catch (...) {
        next = count;
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < std::min(threads, count); ++i) others.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

EncodedTexts encode_on_threads(EncodeBatch& batch, std::size_t threads) {
  const std::size_t count = batch.num_slices();
  for_each_slice(count, threads, [&](std::size_t slice) { batch.run(slice); });
  EncodedTexts result = batch.begin_result();
  for_each_slice(count, threads, [&](std::size_t slice) { batch.join(slice, result); });
  return result;
}

std::shared_ptr<NativeTokenizer> make_tokenizer(const py::dict& json) {
  return std::make_shared<NativeTokenizer>(read_tokenizer(json));
}

py::tuple encode(NativeTokenizer& native, const py::tuple& texts, std::size_t limit,
                 std::size_t threads) {
  EncodeBatch batch(native.tokenizer, native.pool, views(texts), limit);
  // Safe: the tuple, which the caller holds, keeps the texts alive, and they are immutable.
  EncodedTexts encoded = without_gil([&] { return encode_on_threads(batch, threads); });
  return give(std::move(encoded));
}

}  // namespace

std::vector<std::string_view> views(const py::tuple& texts) {
  std::vector<std::string_view> result;
  result.reserve(texts.size());
  for (const py::handle text : texts) {
    py::ssize_t size = 0;
    const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
    if (data == nullptr) throw py::error_already_set();
    result.emplace_back(data, static_cast<std::size_t>(size));
  }
  return result;
}

void bind_tokenizer(py::module_& m) {
  py::class_<NativeTokenizer, std::shared_ptr<NativeTokenizer>>(m, "Tokenizer")
      .def(py::init(&make_tokenizer), py::arg("json"))
      .def("encode", &encode, py::arg("texts"), py::kw_only(),
           py::arg("limit") = Tokenizer::kUnlimited, py::arg("threads") = 1);
}

}  // namespace rerank::bindings
