// Many texts to ids at once: slices of them that any thread may take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/text/tokenizer.h"

namespace rerank {

// Working memory that comes back: a thread takes one for the time of a slice, its last one if it can,
// which is in its cache. None of it shares a cache line with what other threads read for every token;
// 128 bytes, as lines are fetched in pairs.
class alignas(128) ScratchPool {
 public:
  struct alignas(128) Scratch {
    Tokenizer::Scratch tokenizer;
    std::vector<std::int32_t> ids;  // of a slice
    std::thread::id taken_by{};
  };

  explicit ScratchPool(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  std::unique_ptr<Scratch> take();
  void give_back(std::unique_ptr<Scratch> scratch);

 private:
  const Tokenizer& tokenizer_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> idle_;
};

// Keeps the ids of slices, in few blocks: one vector by slice had the allocator grow and cut the heap
// from several threads at once.
class IdBlocks {
 public:
  // Any thread may call it. The copy lives as long as the blocks.
  std::span<const std::int32_t> copy(std::span<const std::int32_t> ids);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<std::int32_t[]>> blocks_;
  std::span<std::int32_t> room_;  // in the last block
};

// Leaves what a vector makes room for as it is: it will be written, on other threads.
template <class T>
struct Uninitialized : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = Uninitialized<U>;
  };
  void construct(T* /*place*/) {}
  void construct(T* place, const T& value) { *place = value; }
};

struct EncodedTexts {
  std::vector<std::int32_t, Uninitialized<std::int32_t>> ids;  // of all texts, one after another
  std::vector<std::int64_t> offsets;                           // one more than there are texts
};

class EncodeBatch {
 public:
  // At most `limit` ids of each text. The texts are borrowed.
  EncodeBatch(const Tokenizer& tokenizer, ScratchPool& pool, std::vector<std::string_view> texts,
              std::size_t limit);

  std::size_t num_slices() const { return slices_.size(); }

  // Different slices may run at the same time. Throws NoTokenError.
  void run(std::size_t slice);

  // Once all slices have run: the result, whose ids come slice by slice. Different slices may be
  // joined at the same time.
  EncodedTexts begin_result();
  void join(std::size_t slice, EncodedTexts& result) const;

  EncodedTexts result();  // on this thread

 private:
  struct Slice {
    std::size_t begin;
    std::size_t end;
    std::span<const std::int32_t> ids;
  };

  const Tokenizer& tokenizer_;
  ScratchPool& pool_;
  std::vector<std::string_view> texts_;
  std::size_t limit_;
  std::vector<Slice> slices_;
  std::unique_ptr<IdBlocks> blocks_ = std::make_unique<IdBlocks>();
  std::vector<std::int64_t> counts_;  // by text, one after a zero
};

}  // namespace rerank
