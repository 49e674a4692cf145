// Work without the GIL, and the way back.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <exception>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

namespace rerank::bindings {

inline bool python_is_finalizing() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

// Runs `work`, which must touch nothing of Python's, without the GIL.
//
// Not pybind11::gil_scoped_release: a daemon thread that wants the GIL back while the interpreter
// shuts down is ended by unwinding its stack, which std::terminate()s when it meets a destructor
// that takes the GIL, and would drop references without it. Such a thread sleeps here instead until
// the process is gone, as Python itself does from 3.14 on.
template <class Work>
auto without_gil(Work work) {
  using Result = std::invoke_result_t<Work>;
  // With the GIL and finalizing, this is the thread that finalizes: it may keep what it has.
  if (python_is_finalizing()) return work();

  std::conditional_t<std::is_void_v<Result>, std::optional<bool>, std::optional<Result>> result;
  std::exception_ptr failure;

  PyThreadState* thread = PyEval_SaveThread();
  try {
    if constexpr (std::is_void_v<Result>)
      work();
    else
      result.emplace(work());
  } catch (...) {
    failure = std::current_exception();
  }
  while (python_is_finalizing()) std::this_thread::sleep_for(std::chrono::hours(1));
  PyEval_RestoreThread(thread);

  if (failure) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<Result>) return *std::move(result);
}

}  // namespace rerank::bindings
