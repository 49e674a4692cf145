#include <pybind11/stl.h>

#include "bindings/bind.h"
#include "bindings/call_handle.h"
#include "bindings/gil.h"

namespace py = pybind11;

namespace rerank::bindings {

void bind_call(py::module_& m) {
  py::class_<CallHandle>(m, "Call")
      .def(py::init<std::optional<double>, int, const CallHandle*, bool>(), py::kw_only(),
           py::arg("timeout") = py::none(), py::arg("priority") = 0, py::arg("outer") = py::none(),
           py::arg("signals") = true)
      .def_property_readonly("cancelled", &CallHandle::cancelled)
      .def_property_readonly("seconds_left", &CallHandle::seconds_left)
      .def("cancel", [](CallHandle& call) {
        without_gil([&] { call.cancel(); });  // safe: no Python listens
      });
}

}  // namespace rerank::bindings
