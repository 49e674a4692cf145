// One cross-encoder graph, loaded and checked once, run from any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "ort/library.h"

namespace rerank::ort {

struct SessionConfig {
  std::filesystem::path model;
  std::string provider = "CPUExecutionProvider";  // or "CUDAExecutionProvider"
  std::vector<std::pair<std::string, std::string>> provider_options;
  bool is_optimized = false;  // by ONNX Runtime, when it was prepared
};

// Row-major [rows, width] tensors, borrowed for one run.
struct Inputs {
  std::int64_t rows;
  std::int64_t width;
  const std::int64_t* input_ids;
  const std::int64_t* attention_mask;
  const std::int64_t* token_type_ids;
};

class CrossEncoder {
 public:
  // Throws Error(kProvider) when the provider is not in the library or does not start, Error(kModel)
  // when the file is no graph or its inputs and outputs are not those of a cross-encoder: int64
  // input_ids (with attention_mask and token_type_ids or without) to one or two logits per row.
  CrossEncoder(const Library& library, const SessionConfig& config);

  // Without a mask the graph would score padding: the caller must not pad.
  bool has_attention_mask() const { return has_attention_mask_; }

  // Writes the logit of each row: the only one, or the second minus the first of two, which is the
  // logit of the second class under their softmax. Thread-safe. Throws Error(kRun), also where it
  // ended early because a stop was requested.
  void run(const Inputs& inputs, std::span<float> logits, const std::stop_token& stop = {}) const;

 private:
  void check_inputs();
  void check_output();
  void check_run(Status* status, const Inputs& inputs) const;
  void read(const Inputs& inputs, Value* output, std::span<float> logits) const;
  std::vector<std::string> names(bool inputs) const;

  const Library& library_;
  const Api& api_;
  std::string file_;  // for messages
  Owned<Session> session_;
  Owned<MemoryInfo> memory_;
  std::vector<std::string> input_names_;
  std::string output_name_;
  ElementType output_type_ = kFloat;
  bool has_attention_mask_ = false;
};

}  // namespace rerank::ort
