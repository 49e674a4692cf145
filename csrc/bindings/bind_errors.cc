#include <pybind11/stl.h>

#include <tuple>

#include "bindings/bind.h"
#include "bindings/gil.h"
#include "core/error.h"

namespace py = pybind11;

namespace rerank::bindings {
namespace {

const char* class_of(Fault fault) {
  switch (fault) {
    case Fault::kModel:
      return "ModelError";
    case Fault::kProvider:
      return "ProviderError";
    case Fault::kClosed:
      return "ClosedError";
    case Fault::kRun:
      break;
  }
  return "EngineError";
}

void translate(std::exception_ptr thrown) {
  const auto raise = [](const char* name, const auto& argument) {
    try {
      const py::object type = py::module_::import("rerank_core.errors").attr(name);
      py::set_error(type, type(argument));
    } catch (const std::exception&) {
      throw;
    } catch (...) {  // Python code ran, so the GIL may have been given away and wanted back
      stop_here();
    }
  };
  try {
    std::rethrow_exception(thrown);
  } catch (const TokenLimitExceeded& error) {
    std::vector<std::tuple<std::int64_t, std::int64_t, std::int64_t>> offenders;
    for (const auto& pair : error.offenders())
      offenders.emplace_back(pair.document, pair.tokens, pair.limit);
    raise("TokenLimitError", offenders);
  } catch (const Error& error) {
    raise(class_of(error.fault()), error.what());
  }
}

}  // namespace

// The classes are Python's own (rerank_core/errors.py): one tree, looked up when one is raised.
void bind_errors() { py::register_local_exception_translator(&translate); }

}  // namespace rerank::bindings
