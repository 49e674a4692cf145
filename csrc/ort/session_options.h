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
};

// What an option is set to, or "0".
std::string option(const SessionConfig& config, const std::string& name);

// What CUDA said, out of a message of ONNX Runtime that wraps it in its own source lines; "" where it
// said nothing.
std::string cuda_failure(const std::string& message);

// `threads` that each operator is split over. Throws Error(kProvider) when the provider is not in the
// library, or does not start.
Owned<SessionOptions> make_options(const Library& library, const SessionConfig& config,
                                   int threads);

}  // namespace rerank::ort
