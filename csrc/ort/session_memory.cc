#include "ort/session_memory.h"

#include <string>

namespace rerank::ort {

SessionMemory::SessionMemory(const Library& library, const Session* session, const char* name,
                             int device, MemoryType type)
    : info_(memory_info(library, name, device, type)),
      allocator_(own<Allocator>(library.api().ReleaseAllocator, [&](Allocator** made) {
        library.check(library.api().CreateAllocator(session, info_.get(), made), Fault::kProvider,
                      std::string("memory of ") + name);
      })) {}

SessionMemory::Block SessionMemory::allocate(std::size_t bytes) const {
  Allocator* const allocator = allocator_.get();
  Block block(allocator->Alloc(allocator, bytes), {allocator});
  if (block == nullptr)
    throw Error(Fault::kRun,
                "no memory for the inputs of a run: " + std::to_string(bytes) + " bytes");
  return block;
}

}  // namespace rerank::ort
