#include "engine/worker_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <system_error>

namespace rerank {

WorkerPool& WorkerPool::shared() {
  // Never destroyed, and no lock: one that was held at a fork would be held forever in the child.
  static std::atomic<WorkerPool*> current{nullptr};
  WorkerPool* found = current.load();
  while (found == nullptr || found->owner_ != process_id()) {
    auto* const made = new WorkerPool;
    if (current.compare_exchange_strong(found, made)) return *made;
    delete made;
  }
  return *found;
}

void WorkerPool::count_slots() {
  std::int64_t most = 0;
  std::int64_t all = 0;
  for (const Source* source : sources_) {
    most = std::max(most, source->threads_);
    all += source->threads_;
  }
  slots_ = std::min(all, std::max(most, cpus_));
}

void WorkerPool::add(Source& source, std::int64_t cpus) {
  std::unique_lock lock(mutex_);
  cpus_ = cpus;
  sources_.push_back(&source);
  count_slots();
  try {
    while (static_cast<std::int64_t>(threads_.size()) < slots_)
      threads_.emplace_back([this, generation = generation_] { work(generation); });
  } catch (const std::system_error&) {
    lock.unlock();
    remove(source);
    throw;
  }
}

void WorkerPool::remove(Source& source) {
  std::vector<std::thread> ending;
  {
    std::unique_lock lock(mutex_);
    left_.wait(lock, [&] { return source.inside_ == 0; });
    std::erase(sources_, &source);
    count_slots();
    if (sources_.empty()) {
      ending.swap(threads_);
      ++generation_;
    }
  }
  work_.notify_all();
  for (std::thread& thread : ending) thread.join();
}

void WorkerPool::wake(Source& source) {
  // Who had nothing to run has saved nothing up meanwhile.
  if (source.inside_ == 0) source.served_ = std::max(source.served_, clock_);
  work_.notify_one();
}

WorkerPool::Choice WorkerPool::next() {
  const auto waiting = std::count_if(sources_.begin(), sources_.end(),
                                     [](const Source* source) { return source->has_work(); });
  const bool alone = busy_ == 0 && waiting == 1;
  Choice best{nullptr, 0};
  for (Source* const source : sources_) {
    if (!source->has_work() || source->running_ >= source->threads_) continue;
    if (best.source != nullptr && best.source->served_ <= source->served_) continue;
    if (const std::int64_t slots = source->slots(alone); slots > 0) best = {source, slots};
  }
  return busy_ + best.slots <= slots_ ? best : Choice{nullptr, 0};
}

void WorkerPool::work(std::uint64_t generation) {
  WorkerBuffers buffers;
  std::unique_lock lock(mutex_);
  while (true) {
    Choice choice{nullptr, 0};
    work_.wait(lock,
               [&] { return generation != generation_ || (choice = next()).source != nullptr; });
    if (generation != generation_) return;
    run_one(lock, choice, buffers);
  }
}

void WorkerPool::run_one(std::unique_lock<std::mutex>& lock, Choice choice,
                         WorkerBuffers& buffers) {
  auto& [source, slots] = choice;
  clock_ = source->served_;
  const double charged = source->expected_ * static_cast<double>(slots);
  source->served_ += charged;
  source->running_ += slots;
  ++source->inside_;
  busy_ += slots;
  {  // without the lock where a task may end with its last turn
    const std::vector<Turns::Turn> turns = source->take();
    if (next().source != nullptr) work_.notify_one();
    buffers.is_alone = slots > 1;
    lock.unlock();
    const Clock::time_point start = Clock::now();
    source->run(turns, buffers);
    const std::chrono::duration<double> spent = Clock::now() - start;
    lock.lock();
    // Before the caller knows that it is over: the next piece of his may be alone too.
    source->expected_ = spent.count();
    source->served_ += spent.count() * static_cast<double>(slots) - charged;
    source->running_ -= slots;
    source->give_back(turns);
    busy_ -= slots;
    lock.unlock();
    for (const Turns::Turn& turn : turns) turn.task->ended(1);
  }
  lock.lock();
  if (--source->inside_ == 0) left_.notify_all();
}

}  // namespace rerank
