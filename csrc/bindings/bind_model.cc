#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bind.h"
#include "bindings/gil.h"
#include "ort/library.h"
#include "ort/memory_probe.h"
#include "ort/session.h"

namespace rerank::bindings {
namespace {

using Matrix = Array<std::int64_t>;
using Options = std::vector<std::pair<std::string, std::string>>;

// Freeing weights takes a while. An engine, which has no GIL, may be the last to hold them, or Python.
void give_back(ort::CrossEncoder* model) {
  const auto free = [model] { delete model; };
  if (PyGILState_Check() != 0)
    without_gil(free);  // safe: no Python in there
  else
    free();
}

std::shared_ptr<ort::CrossEncoder> load(const std::filesystem::path& library,
                                        const std::filesystem::path& model,
                                        const std::string& provider,
                                        const Options& provider_options, bool is_optimized,
                                        bool shares_weights) {
  ort::SessionConfig config{.model = model,
                            .provider = provider,
                            .provider_options = provider_options,
                            .is_optimized = is_optimized,
                            .shares_weights = shares_weights};
  // Safe: the arguments are C++ values by now.
  return without_gil([&] {
    return std::shared_ptr<ort::CrossEncoder>(
        new ort::CrossEncoder(ort::Library::open(library), std::move(config)), give_back);
  });
}

py::array_t<float> run(const ort::CrossEncoder& model, const Matrix& input_ids,
                       const Matrix& attention_mask, const Matrix& token_type_ids, bool wide) {
  if (wide && !model.is_wide()) throw py::value_error("this model has no wide session");
  for (const Matrix* tensor : {&input_ids, &attention_mask, &token_type_ids})
    if (tensor->ndim() != 2 || tensor->shape(0) != input_ids.shape(0) ||
        tensor->shape(1) != input_ids.shape(1))
      throw py::value_error("expected three matrices of one shape [rows, width]");
  ort::Inputs inputs{input_ids.shape(0), input_ids.shape(1), input_ids.data(),
                     attention_mask.data(), token_type_ids.data()};
  std::vector<std::int64_t> row_tokens;
  if (model.is_packed()) {
    const std::span mask(attention_mask.data(), static_cast<std::size_t>(attention_mask.size()));
    if (std::any_of(mask.begin(), mask.end(), [](std::int64_t one) { return one != 1; }))
      throw py::value_error("a packed graph takes rows without padding");
    row_tokens.assign(static_cast<std::size_t>(inputs.rows), inputs.width);
    inputs.width = 0;
    inputs.row_tokens = row_tokens;
  }
  std::vector<float> logits(static_cast<std::size_t>(inputs.rows));
  // Safe: the caller's references keep the matrices alive.
  without_gil([&] { model.run(inputs, logits, {}, {.wide = wide}); });
  return give(std::move(logits));
}

}  // namespace

void bind_model(py::module_& m) {
  m.def(
      "onnxruntime_info",
      [](const std::filesystem::path& path) {
        // Safe: no Python in there.
        const auto info = without_gil([&] {
          const ort::Library& library = ort::Library::open(path);
          return std::pair(library.version(), library.providers());
        });
        return py::make_tuple(info.first, info.second);
      },
      py::arg("library"));
  py::class_<ort::CrossEncoder, std::shared_ptr<ort::CrossEncoder>>(m, "CrossEncoder")
      .def(py::init(&load), py::kw_only(), py::arg("library"), py::arg("model"),
           py::arg("provider"), py::arg("provider_options"), py::arg("is_optimized") = false,
           py::arg("shares_weights") = false)
      .def_property_readonly("has_attention_mask", &ort::CrossEncoder::has_attention_mask)
      .def_property_readonly("is_packed", &ort::CrossEncoder::is_packed)
      .def_property_readonly("is_whole", &ort::CrossEncoder::is_whole)
      .def_property_readonly("is_wide", &ort::CrossEncoder::is_wide)
      .def(
          "widen",
          [](ort::CrossEncoder& model, int threads) {
            without_gil([&] { model.widen(threads); });  // safe: no Python in there
            return model.is_wide();
          },
          py::arg("threads"))
      .def(
          "capture",
          [](ort::CrossEncoder& model, const std::filesystem::path& padded, std::int64_t max_tokens,
             std::int64_t max_width) {
            // Safe: no Python in there.
            without_gil([&] { model.capture(padded, max_tokens, max_width); });
          },
          py::kw_only(), py::arg("padded"), py::arg("max_tokens"), py::arg("max_width"))
      .def_property_readonly("captures", &ort::CrossEncoder::captures)
      .def(
          "spread", [](ort::CrossEncoder& model, std::size_t threads) { model.spread(threads); },
          py::arg("threads"))
      .def("run", &run, py::arg("input_ids").noconvert(), py::arg("attention_mask").noconvert(),
           py::arg("token_type_ids").noconvert(), py::kw_only(), py::arg("wide") = false);
  m.def(
      "probe_memory",
      [](const std::filesystem::path& library, const std::filesystem::path& model,
         bool is_optimized, std::int64_t max_width, std::int64_t id) {
        // Safe: the arguments are C++ values by now.
        return without_gil([&] {
          return ort::probe_memory(
              ort::Library::open(library),
              {.model = model, .provider_options = {}, .is_optimized = is_optimized}, max_width,
              id);
        });
      },
      py::kw_only(), py::arg("library"), py::arg("model"), py::arg("is_optimized"),
      py::arg("max_width"), py::arg("token_id"));
}

}  // namespace rerank::bindings
