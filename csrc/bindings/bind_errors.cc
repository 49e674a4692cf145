#include <pybind11/stl.h>

#include <string>
#include <tuple>
#include <vector>

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
    case Fault::kDeadline:
      return "DeadlineExceededError";
    case Fault::kMemory:
      return "InvalidArgumentError";
    case Fault::kCancelled:  // nobody is there to see it
    case Fault::kRun:
      break;
  }
  return "EngineError";
}

// The classes are Python's own (rerank_core/errors.py): one tree, looked up when one is raised. Python code
// runs, so the GIL may be given away and wanted back: what stop_here() stops must find no reference on
// its way that a destructor would drop.
template <class... Arguments>
void set_error(const char* name, const Arguments&... arguments) {
  const py::tuple given = py::make_tuple(arguments...);
  try {
    PyObject* const module = PyImport_ImportModule("rerank_core.errors");
    PyObject* const type = module == nullptr ? nullptr : PyObject_GetAttrString(module, name);
    PyObject* const made = type == nullptr ? nullptr : PyObject_CallObject(type, given.ptr());
    if (made != nullptr) PyErr_SetObject(type, made);
    for (PyObject* const each : {module, type, made}) Py_XDECREF(each);
  } catch (...) {
    stop_here();
  }
}

}  // namespace

void raise(const std::exception_ptr& failure) {
  // Out of every handler before Python runs: the unwinding that stop_here() is for must not meet an
  // exception that is being handled. This is why no pybind11 translator does it.
  const char* name = nullptr;
  std::string message;
  double retry_after = 0;
  std::vector<std::tuple<std::int64_t, std::int64_t, std::int64_t>> offenders;
  try {
    std::rethrow_exception(failure);
  } catch (const TokenLimitExceeded& error) {
    for (const auto& pair : error.offenders())
      offenders.emplace_back(pair.document, pair.tokens, pair.limit);
  } catch (const ResourceExhausted& error) {
    retry_after = error.retry_after();
    message = error.what();
  } catch (const Error& error) {
    name = class_of(error.fault());
    message = error.what();
  } catch (...) {  // pybind11 knows the others
    throw;
  }
  if (name != nullptr)  // ONNX Runtime may quote bytes of a broken file
    set_error(name, py::reinterpret_steal<py::str>(PyUnicode_DecodeUTF8(
                        message.data(), static_cast<py::ssize_t>(message.size()), "replace")));
  else if (!offenders.empty())
    set_error("TokenLimitError", offenders);
  else
    set_error("ResourceExhaustedError", message, retry_after);
  throw py::error_already_set();
}

}  // namespace rerank::bindings
