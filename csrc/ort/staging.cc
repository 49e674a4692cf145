#include "ort/staging.h"

#include <bit>
#include <cstdlib>
#include <string>
#include <utility>

namespace rerank::ort {

Staging::Staging(const Library& library, const Session* session, const SessionConfig& config)
    : library_(library),
      info_(nullptr, library.api().ReleaseMemoryInfo),
      allocator_(nullptr, library.api().ReleaseAllocator) {
  if (config.provider == "CUDAExecutionProvider") try {
      open(session, "CudaPinned", std::atoi(option(config, "device_id").c_str()), kCpuOutputMemory);
      return;
    } catch (const Error&) {  // plain memory serves too, a little slower
    }
  open(session, "Cpu", 0, kDefaultMemory);
}

void Staging::open(const Session* session, const char* name, int device, MemoryType type) {
  const Api& api = library_.api();
  info_ = memory_info(library_, name, device, type);
  allocator_ = own<Allocator>(api.ReleaseAllocator, [&](Allocator** made) {
    library_.check(api.CreateAllocator(session, info_.get(), made), Fault::kProvider,
                   std::string("memory of ") + name);
  });
}

std::unique_ptr<Staging::Buffer> Staging::take(std::size_t size) {
  Buffer::Memory memory{{nullptr, {allocator_.get()}}, 0};
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
    memory.data.reset(allocator_->Alloc(allocator_.get(), memory.size * sizeof(std::int32_t)));
    if (memory.data == nullptr)
      throw Error(Fault::kRun, "no memory for the inputs of a run: " +
                                   std::to_string(memory.size * sizeof(std::int32_t)) + " bytes");
  }
  return std::unique_ptr<Buffer>(new Buffer(*this, std::move(memory)));
}

Staging::Buffer::~Buffer() {
  const std::lock_guard lock(pool_.mutex_);
  pool_.idle_.push_back(std::move(memory_));
}

}  // namespace rerank::ort
