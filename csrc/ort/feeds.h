// From the rows of a run to the tensors that a graph takes, by name.
//
// A graph of rows takes them padded, [rows, width], in int64, from where they were packed. A packed
// graph takes rows one behind the other, and what ONNX Runtime's packed operators want to know of them,
// in int32 (rerank_core/models/prepare/packing); that is written to staging memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ort/library.h"
#include "ort/signature.h"
#include "ort/staging.h"

namespace rerank::ort {

// Row-major [rows, width] tensors, borrowed for one run; for a packed graph rows one behind the other,
// of `row_tokens` each, without a mask.
struct Inputs {
  std::int64_t rows;
  std::int64_t width;  // 0 where they are packed
  const std::int64_t* input_ids;
  const std::int64_t* attention_mask;
  const std::int64_t* token_type_ids;
  std::span<const std::int64_t> row_tokens{};

  std::int64_t widest() const;
};

class Feeds {
 public:
  // Of a session, which outlives it. Throws Error(kModel) where the graph takes something else than a
  // cross-encoder is given.
  Feeds(const Library& library, const Session* session, const SessionConfig& config);

  // Without a mask the graph would score padding: the caller must not pad.
  bool has_attention_mask() const { return has("attention_mask"); }
  bool has(const std::string& name) const;
  bool is_packed() const { return is_packed_; }
  std::span<const Signature> signatures() const { return signatures_; }

  // What one run takes, in the order of the names.
  struct Tensors {
    std::vector<const char*> names;
    std::vector<const Value*> values;
    std::vector<Owned<Value>> owned{};
    std::unique_ptr<Staging::Buffer> buffer{};
  };
  Tensors tensors(const Inputs& inputs) const;

 private:
  void check(const Signature& input) const;
  void add(Tensors& tensors, const Signature& input, const MemoryInfo* memory, void* data,
           std::span<const std::int64_t> shape) const;
  void add_padded(Tensors& tensors, const Inputs& inputs) const;
  void add_packed(Tensors& tensors, const Inputs& inputs) const;

  const Library& library_;
  const std::string file_;  // for messages
  std::vector<Signature> signatures_;
  bool is_packed_ = false;
  Owned<MemoryInfo> memory_;
  mutable std::optional<Staging> staging_;  // of a packed graph
};

}  // namespace rerank::ort
