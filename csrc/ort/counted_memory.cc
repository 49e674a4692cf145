#include "ort/counted_memory.h"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <new>
#include <set>

namespace rerank::ort {
namespace {

constexpr std::align_val_t kAlignment{64};  // what ONNX Runtime's kernels expect
constexpr std::size_t kHeader = 64;         // holds the size of what follows

thread_local std::int64_t held = 0;  // NOLINT(*-avoid-non-const-global-variables)
thread_local std::int64_t peak = 0;  // NOLINT(*-avoid-non-const-global-variables)

// null where there is no memory: ONNX Runtime then fails the run.
void* RERANK_ORT_CALL take(Allocator* /*self*/, std::size_t size) {
  void* const block = ::operator new(size + kHeader, kAlignment, std::nothrow);
  if (block == nullptr) return nullptr;
  *static_cast<std::size_t*>(block) = size;
  held += static_cast<std::int64_t>(size);
  peak = std::max(peak, held);
  return static_cast<std::byte*>(block) + kHeader;
}

void RERANK_ORT_CALL give_back(Allocator* /*self*/, void* data) {
  if (data == nullptr) return;
  void* const block = static_cast<std::byte*>(data) - kHeader;
  held -= static_cast<std::int64_t>(*static_cast<std::size_t*>(block));
  ::operator delete(block, kAlignment);
}

struct Counting final : Allocator {
  const MemoryInfo* info;
};

const MemoryInfo* RERANK_ORT_CALL info_of(const Allocator* self) {
  return static_cast<const Counting*>(self)->info;
}

// Registered once and kept, as the environment is.
void register_with(const Library& library) {
  auto* const counting =
      new Counting{{kAllocatorVersion, take, give_back, info_of}, memory_info(library).release()};
  library.check(library.api().RegisterAllocator(library.env(), counting), Fault::kProvider,
                "onnxruntime allocator");
}

}  // namespace

void count_memory(const Library& library, SessionOptions* options) {
  static std::mutex mutex;
  static auto* const registered = new std::set<const Library*>;
  {
    const std::lock_guard lock(mutex);
    if (registered->insert(&library).second) register_with(library);
  }
  library.check(library.api().AddSessionConfigEntry(options, "session.use_env_allocators", "1"),
                Fault::kProvider, "onnxruntime session options");
}

MemoryPeak::MemoryPeak() : before_(held) { peak = held; }

std::int64_t MemoryPeak::bytes() const { return peak - before_; }

}  // namespace rerank::ort
