// The encoding of many texts, slice by slice.
#pragma once

#include <cstddef>
#include <utility>

#include "core/text/encode_batch.h"
#include "engine/task.h"

namespace rerank {

class EncodeTask final : public Task {
 public:
  explicit EncodeTask(EncodeBatch batch) : Task(batch.num_slices()), batch_(std::move(batch)) {}

  // The ids, once done; rethrows what stopped the task.
  EncodedTexts result() {
    rethrow_failure();
    return batch_.result();
  }

 private:
  void run(std::size_t slice, WorkerBuffers&) override { batch_.run(slice); }

  EncodeBatch batch_;
};

}  // namespace rerank
