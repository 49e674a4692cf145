// Memory of one kind, by ONNX Runtime's name for it, from the allocator of a session.
#pragma once

#include <cstddef>
#include <memory>

#include "ort/library.h"

namespace rerank::ort {

class SessionMemory {
 public:
  // Of a session, which outlives it. Throws Error(kProvider) where it has no such memory.
  SessionMemory(const Library& library, const Session* session, const char* name, int device = 0,
                MemoryType type = kDefaultMemory);

  const MemoryInfo* info() const { return info_.get(); }

  struct Free {
    Allocator* allocator;
    void operator()(void* data) const { allocator->Free(allocator, data); }
  };
  using Block = std::unique_ptr<void, Free>;
  Block none() const { return {nullptr, {allocator_.get()}}; }
  // Thread-safe. Throws Error(kRun).
  Block allocate(std::size_t bytes) const;

 private:
  Owned<MemoryInfo> info_;
  Owned<Allocator> allocator_;
};

}  // namespace rerank::ort
