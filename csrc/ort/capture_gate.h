// While CUDA records, no other thread of the process may allocate on the device or wait for it: its call
// fails (error 900), and so does the recording.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace rerank::ort {

class CaptureGate {
 public:
  // That of the process.
  static CaptureGate& shared();

  // What uses the device: waits while somebody records, or is about to.
  class Use {
   public:
    explicit Use(CaptureGate& gate);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    CaptureGate& gate_;
  };

  // Waits until nothing uses the device, and keeps it so.
  class Recording {
   public:
    explicit Recording(CaptureGate& gate);
    ~Recording();
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;

   private:
    CaptureGate& gate_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t uses_ = 0;
  std::int64_t recordings_ =
      0;  // those that wait too: uses that never pause would keep one waiting
  bool is_recording_ = false;
};

}  // namespace rerank::ort
