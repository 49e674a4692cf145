#include "ort/capture_gate.h"

namespace rerank::ort {

CaptureGate& CaptureGate::shared() {
  static auto* const gate = new CaptureGate;  // outlives what static destructors may still run
  return *gate;
}

CaptureGate::Use::Use(CaptureGate& gate) : gate_(gate) {
  std::unique_lock lock(gate_.mutex_);
  gate_.changed_.wait(lock, [this] { return gate_.recordings_ == 0; });
  ++gate_.uses_;
}

CaptureGate::Use::~Use() {
  const std::lock_guard lock(gate_.mutex_);
  if (--gate_.uses_ == 0) gate_.changed_.notify_all();
}

CaptureGate::Recording::Recording(CaptureGate& gate) : gate_(gate) {
  std::unique_lock lock(gate_.mutex_);
  ++gate_.recordings_;
  gate_.changed_.wait(lock, [this] { return gate_.uses_ == 0 && !gate_.is_recording_; });
  gate_.is_recording_ = true;
}

CaptureGate::Recording::~Recording() {
  const std::lock_guard lock(gate_.mutex_);
  gate_.is_recording_ = false;
  --gate_.recordings_;
  gate_.changed_.notify_all();
}

}  // namespace rerank::ort
