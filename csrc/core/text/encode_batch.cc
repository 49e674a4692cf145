#include "core/text/encode_batch.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace rerank {
namespace {

// Bytes of a slice: long enough that taking one costs nothing beside it, short enough to divide a request.
constexpr std::size_t kSlice = 1 << 14;

constexpr std::size_t kKeptIds = 1 << 18;     // of a buffer, from slice to slice
constexpr std::size_t kFirstBlock = 1 << 13;  // ids: a request of a few passages takes no more
constexpr std::size_t kBlock = 1 << 18;

}  // namespace

std::unique_ptr<ScratchPool::Scratch> ScratchPool::take() {
  const std::thread::id here = std::this_thread::get_id();
  std::unique_ptr<Scratch> scratch;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      const auto last = std::find_if(idle_.begin(), idle_.end() - 1,
                                     [&](const auto& each) { return each->taken_by == here; });
      scratch = std::exchange(*last, std::move(idle_.back()));
      idle_.pop_back();
    }
  }
  if (!scratch) scratch = std::make_unique<Scratch>(Tokenizer::Scratch(tokenizer_));
  scratch->taken_by = here;
  return scratch;
}

void ScratchPool::give_back(std::unique_ptr<Scratch> scratch) {
  scratch->tokenizer.trim();
  if (scratch->ids.capacity() > kKeptIds) scratch->ids = {};
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(scratch));
}

std::span<const std::int32_t> IdBlocks::copy(std::span<const std::int32_t> ids) {
  std::span<std::int32_t> place;
  {
    const std::lock_guard lock(mutex_);
    if (room_.size() < ids.size()) {
      const std::size_t size = std::max(ids.size(), blocks_.empty() ? kFirstBlock : kBlock);
      blocks_.push_back(std::make_unique_for_overwrite<std::int32_t[]>(size));
      room_ = {blocks_.back().get(), size};
    }
    place = room_.first(ids.size());
    room_ = room_.subspan(ids.size());
  }
  std::copy(ids.begin(), ids.end(), place.begin());
  return place;
}

EncodeBatch::EncodeBatch(const Tokenizer& tokenizer, ScratchPool& pool,
                         std::vector<std::string_view> texts, std::size_t limit)
    : tokenizer_(tokenizer),
      pool_(pool),
      texts_(std::move(texts)),
      limit_(limit),
      counts_(texts_.size() + 1) {
  std::size_t bytes = kSlice;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    if (bytes >= kSlice) {
      slices_.push_back({i, i, {}});
      bytes = 0;
    }
    slices_.back().end = i + 1;
    bytes += texts_[i].size() + 1;
  }
}

void EncodeBatch::run(std::size_t slice) {
  const auto [begin, end] = std::pair(slices_[slice].begin, slices_[slice].end);
  std::unique_ptr<ScratchPool::Scratch> scratch = pool_.take();
  std::vector<std::int32_t>& ids = scratch->ids;
  ids.clear();
  for (std::size_t text = begin; text < end; ++text) {
    const std::size_t before = ids.size();
    tokenizer_.encode(texts_[text], limit_, scratch->tokenizer, ids);
    counts_[text + 1] = static_cast<std::int64_t>(ids.size() - before);
  }
  slices_[slice].ids = blocks_->copy(ids);
  pool_.give_back(std::move(scratch));
}

// 2026-11-20: joining the slices as they came, on the threads that had run them, gained nothing.
EncodedTexts EncodeBatch::begin_result() {
  EncodedTexts result;
  result.offsets = std::move(counts_);
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  result.ids.resize(static_cast<std::size_t>(result.offsets.back()));
  return result;
}

void EncodeBatch::join(std::size_t slice, EncodedTexts& result) const {
  const std::span<const std::int32_t> ids = slices_[slice].ids;
  std::copy(ids.begin(), ids.end(), result.ids.begin() + result.offsets[slices_[slice].begin]);
}

EncodedTexts EncodeBatch::result() {
  EncodedTexts result = begin_result();
  for (std::size_t slice = 0; slice < slices_.size(); ++slice) join(slice, result);
  return result;
}

}  // namespace rerank
