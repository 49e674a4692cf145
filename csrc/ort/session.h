// One cross-encoder graph, loaded and checked once, run from any number of threads.
//
// Workers run whole batches side by side, so an operator of the session has no threads of its own.
// Where a batch is alone, a second session over the same weights may split each operator; of a small
// graph each worker has a session for itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "ort/captured_runs.h"
#include "ort/feeds.h"
#include "ort/library.h"
#include "ort/logits.h"
#include "ort/session_options.h"
#include "ort/session_slots.h"
#include "ort/weights.h"

namespace rerank::ort {

struct RunTerms {
  bool wide = false;    // on the wide session
  bool shrink = false;  // gives memory back when it ends, instead of keeping it for the next run
};

class CrossEncoder {
 public:
  // Throws Error(kProvider) when the provider is not in the library or does not start, Error(kModel)
  // when the file is no graph or its inputs and outputs are not those of a cross-encoder: int64
  // input_ids (with attention_mask and token_type_ids or without) to one or two logits per row.
  CrossEncoder(const Library& library, SessionConfig config);

  // Without a mask the graph would score padding: the caller must not pad.
  bool has_attention_mask() const { return feeds_->has_attention_mask(); }
  // Whether it takes rows one behind the other.
  bool is_packed() const { return feeds_->is_packed(); }
  // Whether all of it runs on the provider that was asked for.
  bool is_whole() const { return config_.is_whole; }

  // Makes a second session, which splits each operator over so many threads, or drops it at 1. It
  // shares the weights, packed ones too; where ONNX Runtime cannot, there is none. Not while any run.
  void widen(int threads);
  bool is_wide() const { return wide_ != nullptr; }

  // Lets so many threads that run at once have a session each, over the same weights; one for all at 1,
  // and where ONNX Runtime cannot share. Not while any run.
  void spread(std::size_t threads);

  // Records batches of up to so many tokens and rows of up to such a width, by a graph of padded rows with
  // the same weights, and replays them from then on (captured_runs.h); drops what was recorded at 0. Not
  // while any run. Throws what CapturedRuns does; then nothing is recorded.
  void capture(const std::filesystem::path& padded, std::int64_t max_tokens,
               std::int64_t max_width);
  // How many shapes are recorded.
  std::size_t captures() const { return captured_ ? captured_->size() : 0; }

  // Writes the logit of each row. Thread-safe. Throws Error(kRun), also where it ended early because a
  // stop was requested.
  void run(const Inputs& inputs, std::span<float> logits, const std::stop_token& stop = {},
           const RunTerms& terms = {}) const;

 private:
  void make_narrow();
  Owned<Session> make_session(int threads) const;
  void check_run(Status* status, const Inputs& inputs) const;

  const Library& library_;
  const Api& api_;
  SessionConfig config_;
  const std::string file_;   // for messages
  const std::string arena_;  // of runs
  // Both are of the same weights, and end before them.
  std::optional<Weights> weights_;
  Owned<PrepackedWeights> packed_;
  Owned<Session> session_;
  Owned<Session> wide_;
  std::unique_ptr<SessionSlots> slots_;
  std::optional<Feeds> feeds_;
  std::optional<Logits> logits_;
  std::unique_ptr<CapturedRuns> captured_;
};

}  // namespace rerank::ort
