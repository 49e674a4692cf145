// Work without the GIL, and the way back, with what it gave or with what went wrong.
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

// Where a thread ends that came home too late. Python ends a daemon thread that wants the GIL while
// the interpreter shuts down through pthread_exit, which unwinds the stack: destructors would drop
// references without the GIL, and pybind11 would take the unwinding for an exception of ours. Such
// a thread stops here for good instead, as Python itself does it from 3.14 on.
[[noreturn]] inline void stop_here() {
  while (true) std::this_thread::sleep_for(std::chrono::hours(1));
}

inline void take_gil(PyThreadState* thread) {
  try {
    PyEval_RestoreThread(thread);
  } catch (...) {  // that unwinding; nothing else is thrown by C
    stop_here();
  }
}

// Raises a failure of the core as its class of rerank_core.errors.
[[noreturn]] void raise(const std::exception_ptr& failure);

// Runs `work`, which must touch nothing of Python's, without the GIL. Not
// pybind11::gil_scoped_release, which takes it back in a destructor, past any way to catch that end.
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
  take_gil(thread);

  if (failure) raise(failure);
  if constexpr (!std::is_void_v<Result>) return *std::move(result);
}

// Runs `work` with the GIL: for what is shorter than to hand it around. A thread that wants it back
// from a busy one waits for Python's switch interval, 5 ms, each time.
template <class Work>
auto with_gil(Work work) {
  std::exception_ptr failure;
  try {
    return work();
  } catch (...) {
    failure = std::current_exception();
  }
  raise(failure);
}

}  // namespace rerank::bindings
