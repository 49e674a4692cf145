// Which output of a graph is the logits, and what it gives to one logit per row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ort/library.h"

namespace rerank::ort {

class Logits {
 public:
  // Of a session. Throws Error(kModel) where no output can be one or two logits per row.
  Logits(const Library& library, const Session* session, std::string file);

  const std::string& name() const { return name_; }
  ElementType element() const { return element_; }
  std::size_t element_size() const { return element_ == kFloat ? 4 : 2; }
  // How many the graph says that a row has, below 1 where only a run tells; and the shape of so many rows'.
  std::int64_t labels() const { return dims_.size() == 2 ? dims_[1] : 1; }
  std::vector<std::int64_t> shape(std::int64_t rows) const;

  // How many a row has in what a run gave, 1 or 2. Throws Error(kModel) where it gave something else.
  std::int64_t labels(const Value* output, std::int64_t rows) const;

  // From [rows, labels]: the only one of a row, or the second minus the first of two, which is the logit
  // of the second class under their softmax.
  void reduce(const void* output, std::int64_t labels, std::span<float> logits) const;

 private:
  const Library& library_;
  const std::string file_;  // for messages
  std::string name_;
  std::vector<std::int64_t> dims_;  // [rows] or [rows, labels]
  ElementType element_ = kFloat;
};

}  // namespace rerank::ort
