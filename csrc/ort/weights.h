// The weights of a graph, held once for two sessions of one process.
//
// ONNX Runtime shares what it packed between sessions only for weights that it was given, so they are
// read here, out of the protobuf of the file. What is small, or stored in another way than exporters
// do, stays with ONNX Runtime. Data in files of their own is mapped, as ONNX Runtime does it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ort/library.h"
#include "ort/mapped_file.h"

namespace rerank::ort {

class Weights {
 public:
  // Throws Error(kModel) where the file cannot be read as a graph.
  Weights(const Library& library, const std::filesystem::path& model);

  // The sessions must end before this does.
  void add_to(SessionOptions* options) const;

 private:
  struct Tensor;

  void add(const Tensor& tensor, const std::filesystem::path& folder);
  std::span<const std::byte> external(const Tensor& tensor, const std::filesystem::path& folder);

  const Library& library_;
  Owned<MemoryInfo> memory_;
  // What the values borrow.
  std::vector<std::shared_ptr<std::byte>> copies_;
  std::map<std::string, std::unique_ptr<MappedFile>> files_;
  std::vector<std::pair<std::string, Owned<Value>>> values_;
};

}  // namespace rerank::ort
