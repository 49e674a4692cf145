// Sessions of one graph, for threads that run at once. A session keeps the memory of its runs for the
// next ones: threads that share one wait for each other to hand it out, and find it in another core's
// cache. 2026-11-21, two threads: tiny (2 x 128), int8, 0.71 of the time; fp32 0.85; MiniLM-L6 0.99.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include "ort/library.h"

namespace rerank::ort {

class SessionSlots {
 public:
  using Make = std::function<Owned<Session>()>;

  // Up to `most` sessions, `first` among them; `make` gives another when it is needed.
  SessionSlots(Session* first, std::size_t most, Make make);

  // Calls `run` with a session: the one that this thread had last, if it can be; the first, which
  // others may be running, where all are taken and there cannot be another.
  template <class Run>
  void with_session(const Run& run) {
    Slot& slot = take();
    const GiveBack back{*this, slot};
    run(slot.session.get());
  }

 private:
  struct Slot {
    Owned<Session> session;
    std::thread::id last{};
    int runs = 0;  // at once
  };
  struct GiveBack {
    SessionSlots& slots;
    Slot& slot;
    ~GiveBack();
  };

  Slot& take();
  void make_one(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::list<Slot> slots_;
  std::size_t most_;
  Make make_;
  bool is_making_ = false;
};

}  // namespace rerank::ort
