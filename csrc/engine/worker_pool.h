// The worker threads of a process, shared by all its engines.
//
// An engine has a number of slots, its own `threads`; all together have no more than the CPUs, or than
// one of them has alone. A free slot goes to the engine that was served least of late, by the time
// that its pieces took. The threads exist while there is an engine, and sleep while there is no work.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "core/process.h"
#include "engine/task.h"
#include "engine/turns.h"

namespace rerank {

class WorkerPool {
 public:
  // What has pieces to run.
  class Source {
   public:
    explicit Source(std::int64_t threads) : threads_(threads) {}
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;

   protected:
    std::int64_t threads() const { return threads_; }
    std::int64_t free_slots() const { return threads_ - running_; }  // with the lock

   private:
    friend class WorkerPool;

    // With the lock.
    virtual bool has_work() const = 0;
    // Slots that the next piece takes, 0 where it may not start yet. `alone`: there is nothing else to
    // run in the process.
    virtual std::int64_t slots(bool alone) = 0;
    // One piece, or several that are run as one.
    virtual std::vector<Turns::Turn> take() = 0;
    virtual void give_back(
        const std::vector<Turns::Turn>& turns) = 0;  // what they held while they ran
    // Without the lock; throws nothing. The pool ends the pieces.
    virtual void run(const std::vector<Turns::Turn>& turns, WorkerBuffers& buffers) = 0;

    const std::int64_t threads_;
    std::int64_t running_ = 0;
    std::int64_t inside_ = 0;  // workers that run or end a piece of it
    double served_ = 0;        // seconds of slots
    double expected_ = 0;      // seconds of its next piece: those of the last
  };

  // That of this process: a forked child, which has none of its threads, gets one of its own.
  static WorkerPool& shared();

  // Starts threads where there are too few. Throws std::system_error where that fails; then it is not
  // added.
  void add(Source& source, std::int64_t cpus);
  // Waits until no worker is inside. The last source takes the threads with it.
  void remove(Source& source);

  std::mutex& mutex() { return mutex_; }
  // With the lock: there may be a piece to start.
  void wake(Source& source);

 private:
  struct Choice {
    Source* source;
    std::int64_t slots;
  };

  WorkerPool() = default;
  Choice next();
  void work(std::uint64_t generation);
  void run_one(std::unique_lock<std::mutex>& lock, Choice choice, WorkerBuffers& buffers);
  void count_slots();

  const long owner_ = process_id();
  std::mutex mutex_;
  std::condition_variable work_;  // for workers
  std::condition_variable left_;  // for remove()
  std::vector<Source*> sources_;
  std::vector<std::thread> threads_;
  std::uint64_t generation_ = 0;  // of threads: they end together
  std::int64_t cpus_ = 1;
  std::int64_t slots_ = 0;
  std::int64_t busy_ = 0;  // slots
  double clock_ = 0;       // what the source that was chosen last had been served
};

}  // namespace rerank
