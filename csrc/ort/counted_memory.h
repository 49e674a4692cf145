// Memory that is counted: what an ONNX Runtime session takes on this thread, and its peak.
//
// ONNX Runtime's own arena tells a peak only since it was made, loading included, and not before
// version 1.23. An allocator of ours counts exactly, but without an arena runs are slower and take more
// (session.cc has figures), so only a session that is probed and thrown away is given this one.
#pragma once

#include <cstdint>

#include "ort/library.h"

namespace rerank::ort {

// Sessions with these options take their memory here.
void count_memory(const Library& library, SessionOptions* options);

// The most bytes that this thread has held at once since it began to watch, above what it held then.
class MemoryPeak {
 public:
  MemoryPeak();
  std::int64_t bytes() const;

 private:
  std::int64_t before_;
};

}  // namespace rerank::ort
