// Many texts to ids at once: slices of them that any thread may take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/tokenizer.h"

namespace rerank {

// Working memory that comes back: a thread takes one for the time of a slice.
class ScratchPool {
 public:
  explicit ScratchPool(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  std::unique_ptr<Tokenizer::Scratch> take();
  void give_back(std::unique_ptr<Tokenizer::Scratch> scratch);

 private:
  const Tokenizer& tokenizer_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Tokenizer::Scratch>> idle_;
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
  void join(std::size_t slice, EncodedTexts& result);

  EncodedTexts result();  // on this thread

 private:
  struct Slice {
    std::size_t begin;
    std::size_t end;
    std::vector<std::int32_t> ids;
  };

  const Tokenizer& tokenizer_;
  ScratchPool& pool_;
  std::vector<std::string_view> texts_;
  std::size_t limit_;
  std::vector<Slice> slices_;
  std::vector<std::int64_t> counts_;  // by text, one after a zero
};

}  // namespace rerank
