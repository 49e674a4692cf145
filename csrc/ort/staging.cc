#include "ort/staging.h"

#include <bit>
#include <utility>

namespace rerank::ort {

SessionMemory host_memory(const Library& library, const Session* session,
                          const SessionConfig& config) {
  if (config.is_cuda()) try {
      return {library, session, "CudaPinned", config.device(), kCpuOutputMemory};
    } catch (const Error&) {  // plain memory serves too, a little slower
    }
  return {library, session, "Cpu"};
}

std::unique_ptr<Staging::Buffer> Staging::take(std::size_t size) {
  Buffer::Memory memory{memory_.none(), 0};
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      memory = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (memory.size < size) {
    memory.data.reset();
    memory.size = std::bit_ceil(size);
    memory.data = memory_.allocate(memory.size * sizeof(std::int32_t));
  }
  return std::unique_ptr<Buffer>(new Buffer(*this, std::move(memory)));
}

Staging::Buffer::~Buffer() {
  const std::lock_guard lock(pool_.mutex_);
  pool_.idle_.push_back(std::move(memory_));
}

}  // namespace rerank::ort
