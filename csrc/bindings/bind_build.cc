#include <string>

#include "bindings/bind.h"

namespace py = pybind11;

namespace rerank::bindings {

void bind_build(py::module_& m) {
#ifdef NDEBUG
  m.attr("NDEBUG") = true;
#else
  m.attr("NDEBUG") = false;
#endif
#ifdef __VERSION__
  m.attr("COMPILER") = std::string(__VERSION__);
#else
  m.attr("COMPILER") = "MSVC " + std::to_string(_MSC_VER);
#endif
  m.attr("CXX_STANDARD") = static_cast<long>(__cplusplus);
}

}  // namespace rerank::bindings
