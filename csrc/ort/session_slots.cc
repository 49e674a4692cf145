#include "ort/session_slots.h"

#include <algorithm>
#include <utility>

namespace rerank::ort {
namespace {

void RERANK_ORT_CALL keep(Session* /*somebody else's*/) {}

}  // namespace

SessionSlots::SessionSlots(Session* first, std::size_t most, Make make)
    : most_(most), make_(std::move(make)) {
  slots_.push_back({Owned<Session>(first, keep)});
}

SessionSlots::GiveBack::~GiveBack() {
  const std::lock_guard lock(slots.mutex_);
  --slot.runs;
}

SessionSlots::Slot& SessionSlots::take() {
  const auto me = std::this_thread::get_id();
  std::unique_lock lock(mutex_);
  const auto is_free = [](const Slot& slot) { return slot.runs == 0; };
  auto chosen = std::find_if(slots_.begin(), slots_.end(),
                             [&](const Slot& slot) { return is_free(slot) && slot.last == me; });
  if (chosen == slots_.end()) chosen = std::find_if(slots_.begin(), slots_.end(), is_free);
  if (chosen == slots_.end() && slots_.size() < most_ && !is_making_) {
    make_one(lock);
    chosen = std::find_if(slots_.begin(), slots_.end(), is_free);
  }
  if (chosen == slots_.end()) chosen = slots_.begin();
  if (is_free(*chosen)) chosen->last = me;
  ++chosen->runs;
  return *chosen;
}

// Without the lock: what runs meanwhile shares the first.
void SessionSlots::make_one(std::unique_lock<std::mutex>& lock) {
  is_making_ = true;
  lock.unlock();
  Owned<Session> made(nullptr, keep);
  try {
    made = make_();
  } catch (const Error&) {  // a want of memory, say: those that there are do
  }
  lock.lock();
  is_making_ = false;
  if (!made) {
    most_ = slots_.size();
    return;
  }
  slots_.push_back({std::move(made)});
}

}  // namespace rerank::ort
