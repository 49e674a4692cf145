// The encoding of many texts, slice by slice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>

#include "core/text/encode_batch.h"
#include "engine/task.h"

namespace rerank {

class EncodeTask final : public Task {
 public:
  EncodeTask(EncodeBatch batch, Call call)
      : Task(batch.num_slices(), std::move(call)), batch_(std::move(batch)) {}

  // A slice takes a fraction of the time of a batch, of any model; it is no row.
  std::int64_t cost(std::size_t /*slice*/) const override { return 64; }
  Load load(std::size_t /*slice*/) const override { return {}; }

  // The ids, once done; rethrows what stopped the task.
  EncodedTexts result() {
    rethrow_failure();
    return batch_.result();
  }

 private:
  void run(std::size_t slice, WorkerBuffers& /*unused*/,
           const std::stop_token& /*a slice is short*/) override {
    batch_.run(slice);
  }
  std::string progress(std::size_t ended) const override {
    return std::to_string(ended) + " of " + std::to_string(num_pieces()) +
           " parts of the texts were tokenized";
  }

  EncodeBatch batch_;
};

}  // namespace rerank
