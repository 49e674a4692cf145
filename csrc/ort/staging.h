// Memory that inputs are written to before a run: for CUDA pinned, so that the device fetches it while
// the processor goes on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ort/library.h"
#include "ort/session_options.h"

namespace rerank::ort {

class Staging {
 public:
  // Of a session, which outlives it. Throws Error(kProvider).
  Staging(const Library& library, const Session* session, const SessionConfig& config);

  const MemoryInfo* info() const { return info_.get(); }  // what its memory is

  // A buffer for one run, which goes back to the pool with it. Thread-safe.
  class Buffer {
   public:
    ~Buffer();
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    std::int32_t* data() const { return static_cast<std::int32_t*>(memory_.data.get()); }

   private:
    friend class Staging;
    struct Free {
      Allocator* allocator;
      void operator()(void* data) const { allocator->Free(allocator, data); }
    };
    struct Memory {
      std::unique_ptr<void, Free> data;
      std::size_t size;  // of int32
    };
    Buffer(Staging& pool, Memory memory) : pool_(pool), memory_(std::move(memory)) {}

    Staging& pool_;
    Memory memory_;
  };
  std::unique_ptr<Buffer> take(std::size_t size);

 private:
  void open(const Session* session, const char* name, int device, MemoryType type);

  const Library& library_;
  Owned<MemoryInfo> info_;
  Owned<Allocator> allocator_;
  std::mutex mutex_;
  std::vector<Buffer::Memory> idle_;
};

}  // namespace rerank::ort
