// Small batches that a GPU has recorded (CUDA graphs) and replays: one launch in place of one for each
// operator, which is most of the time of a small batch.
//
// What is recorded has its shape and its addresses for ever. So there is a recording for each number of
// rows that is a power of two by each width that is a multiple of 32, up to so many tokens; a batch takes
// the smallest that holds it. All are made at once, on the thread that replays them.
//
// On a CPU nothing is recorded, but all the rest is the same: so it is tested there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "ort/capture_gate.h"
#include "ort/device_memory.h"
#include "ort/feeds.h"
#include "ort/library.h"
#include "ort/logits.h"
#include "ort/own_thread.h"
#include "ort/session_memory.h"
#include "ort/session_options.h"

namespace rerank::ort {

class CapturedRuns {
 public:
  // Of a graph of padded rows with a mask, as `config` names it: batches of up to `max_tokens`, padding
  // included, whose rows have up to `max_width`, while nothing else uses the device. Throws
  // Error(kModel), Error(kProvider), Error(kRun) where they cannot be recorded.
  CapturedRuns(const Library& library, SessionConfig config, std::int64_t max_tokens,
               std::int64_t max_width, const CaptureGate::Recording& alone);

  // Whether there is a recording that holds a batch.
  bool holds(const Inputs& inputs) const {
    return inputs.widest() <= max_width_ && shapes_.contains(shape_of(inputs));
  }
  std::size_t size() const { return shapes_.size(); }

  // The logits of a batch that a recording holds, of padded or of packed rows. Thread-safe; one runs
  // after the other. Throws Error(kRun).
  void run(const Inputs& inputs, std::span<float> logits);

 private:
  using Shape = std::pair<std::int64_t, std::int64_t>;  // rows, width
  struct Recording {
    std::vector<Owned<Value>> tensors;
    Owned<RunOptions> options;
    Owned<IoBinding> binding;
  };

  Shape shape_of(const Inputs& inputs) const;
  Owned<Session> make_session() const;
  Recording bind(Shape shape) const;
  Owned<Value> tensor(void* data, std::size_t element_size, ElementType element,
                      std::span<const std::int64_t> dims) const;
  void record(Shape shape);
  void replay(Shape shape);
  void check(Status* status) const;

  const Library& library_;
  const Api& api_;
  const SessionConfig config_;
  const std::int64_t max_width_;
  OwnThread thread_;
  Owned<Session> session_;
  Feeds feeds_;
  Logits logits_;
  SessionMemory host_;
  DeviceMemory device_;
  // Inputs one behind the other, then the logits; of the host and of the device.
  SessionMemory::Block host_inputs_;
  SessionMemory::Block host_logits_;
  SessionMemory::Block device_inputs_;
  SessionMemory::Block device_logits_;
  std::map<Shape, Recording> shapes_;
};

}  // namespace rerank::ort
