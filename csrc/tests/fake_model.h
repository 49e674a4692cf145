// A model that needs no ONNX Runtime, questions for it, and the answers worked out pair by pair.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>
#include <random>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <vector>

#include "core/pack.h"
#include "core/pair.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "tests/fixtures.h"

namespace rerank::test {

using Ints = std::vector<std::int64_t>;
using Logits = std::vector<float>;

inline const PlanLimits kFourWorkers{.max_batch_tokens = 64, .width_multiple = 8, .workers = 4};

inline constexpr std::int32_t kPoison = 666;    // the model throws on a batch that holds it
inline constexpr std::int32_t kNoNumber = 777;  // the model gives NaN for a row that holds it

// Depends on every token, its place and its type.
class FakeScore {
 public:
  void add(std::int64_t id, std::int64_t type) { sum_ = (sum_ * 31 + id * 2 + type) % 65521; }
  float logit() const { return static_cast<float>(sum_); }

 private:
  std::int64_t sum_ = 0;
};

inline void fake_model(const PackedBatch& batch, std::span<float> logits,
                       const std::stop_token& /*short*/ = {}) {
  std::size_t at = 0;
  for (std::size_t row = 0; row < logits.size(); ++row) {
    FakeScore score;
    bool nan = false;
    const std::int64_t width = batch.width == 0 ? batch.row_tokens[row] : batch.width;
    for (const std::size_t end = at + static_cast<std::size_t>(width); at < end; ++at) {
      if (batch.width != 0 && batch.attention_mask[at] == 0) continue;
      if (batch.input_ids[at] == kPoison) throw std::runtime_error("poisoned");
      nan = nan || batch.input_ids[at] == kNoNumber;
      score.add(batch.input_ids[at], batch.token_type_ids[at]);
    }
    logits[row] = nan ? std::numeric_limits<float>::quiet_NaN() : score.logit();
  }
}

// Lets nobody pass until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void await(int arrivals) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= arrivals; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool open_ = false;
};

inline RunBatch behind(Gate& gate) {
  return
      [&gate](const PackedBatch& batch, std::span<float> logits, const std::stop_token& /*short*/) {
        gate.pass();
        fake_model(batch, logits);
      };
}

// Owns what a Request borrows.
struct Question {
  Texts queries;
  Texts documents;
  Ints query_of;
  PairLimits limits;

  Question(const Ids& query, const std::vector<Ids>& texts,
           PairLimits pair_limits = {.row_tokens = 64})
      : queries({query}), documents(texts), query_of(texts.size(), 0), limits(pair_limits) {}
  Request view() const { return {queries.view(), documents.view(), query_of, limits}; }
};

// One pair at a time, from the rule: 1 query 2 window 2, a pair is as good as its best window.
inline Logits serial(const Question& question) {
  Logits logits;
  const auto query = question.queries.view()[0];
  for (std::size_t i = 0; i < question.documents.view().size(); ++i) {
    auto rest = question.documents.view()[i];
    const auto room = static_cast<std::size_t>(question.limits.row_tokens) - 3 - query.size();
    float best = -1;
    for (std::int64_t chunk = 0; chunk < question.limits.max_chunks; ++chunk) {
      if (chunk > 0 && rest.empty()) break;
      FakeScore score;
      score.add(1, 0);
      for (const std::int32_t id : query) score.add(id, 0);
      score.add(2, 0);
      const auto window = rest.first(std::min(room, rest.size()));
      for (const std::int32_t id : window) score.add(id, 1);
      score.add(2, 1);
      best = std::max(best, score.logit());
      rest = rest.subspan(window.size());
    }
    logits.push_back(best);
  }
  return logits;
}

inline Question random_question(std::mt19937& random) {
  const auto text = [&](std::size_t longest) {
    Ids ids(random() % (longest + 1));
    for (std::int32_t& id : ids) id = static_cast<std::int32_t>(3 + random() % 500);
    return ids;
  };
  std::vector<Ids> documents(random() % 12);
  for (Ids& document : documents) document = text(24);
  return {text(6), documents, {.row_tokens = 16, .max_chunks = static_cast<int>(1 + random() % 3)}};
}

inline Logits logits_of(Job& job) {
  // A job that borrows from this test must not outlive it: without an end there is no way on.
  if (!job.wait_for(std::chrono::seconds(30))) std::terminate();
  return job.result().logits;
}

inline Logits ask(Engine& engine, const Question& question) {
  return logits_of(*engine.submit(question.view()));
}

}  // namespace rerank::test
