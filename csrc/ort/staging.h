// Memory that inputs are written to before a run: for CUDA pinned, so that the device fetches it while
// the processor goes on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ort/library.h"
#include "ort/session_memory.h"
#include "ort/session_options.h"

namespace rerank::ort {

// Of a session, which outlives it; plain memory where it has none that is pinned. Throws
// Error(kProvider).
SessionMemory host_memory(const Library& library, const Session* session,
                          const SessionConfig& config);

class Staging {
 public:
  // As `host_memory`.
  Staging(const Library& library, const Session* session, const SessionConfig& config)
      : memory_(host_memory(library, session, config)) {}

  const MemoryInfo* info() const { return memory_.info(); }  // what its memory is

  // A buffer for one run, which goes back to the pool with it. Thread-safe.
  class Buffer {
   public:
    ~Buffer();
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    std::int32_t* data() const { return static_cast<std::int32_t*>(memory_.data.get()); }

   private:
    friend class Staging;
    struct Memory {
      SessionMemory::Block data;
      std::size_t size;  // of int32
    };
    Buffer(Staging& pool, Memory memory) : pool_(pool), memory_(std::move(memory)) {}

    Staging& pool_;
    Memory memory_;
  };
  std::unique_ptr<Buffer> take(std::size_t size);

 private:
  SessionMemory memory_;
  std::mutex mutex_;
  std::vector<Buffer::Memory> idle_;
};

}  // namespace rerank::ort
