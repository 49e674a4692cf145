// What a session is told before it loads a graph.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ort/library.h"

namespace rerank::ort {

struct SessionConfig {
  std::filesystem::path model;
  std::string provider = "CPUExecutionProvider";  // or "CUDAExecutionProvider"
  std::vector<std::pair<std::string, std::string>> provider_options;
  bool is_whole = true;         // no operator may run on another provider
  bool is_optimized = false;    // by ONNX Runtime, when it was prepared
  bool counts_memory = false;   // for MemoryPeak; slower
  bool shares_weights = false;  // with a wide session

  bool is_cuda() const { return provider == "CUDAExecutionProvider"; }
  int device() const;  // its number
};

// What CUDA said, out of a message of ONNX Runtime that wraps it in its own source lines; "" where it
// said nothing.
std::string cuda_failure(const std::string& message);

// `threads` that each operator is split over. Throws Error(kProvider) when the provider is not in the
// library, or does not start.
Owned<SessionOptions> make_options(const Library& library, const SessionConfig& config,
                                   int threads);

}  // namespace rerank::ort
