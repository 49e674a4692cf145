// Batches of rows of all widths, and engines that run few of them at once.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/text/encode_batch.h"
#include "engine/engine.h"
#include "tests/check.h"
#include "tests/fake_model.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;

const PlanLimits kPacked{.max_batch_tokens = 64, .workers = 4, .packs = true};

void scores_are_those_of_rows_alone() {
  Engine engine([](const PackedBatch& batch, std::span<float> logits,
                   const std::stop_token& stop) { fake_model(batch, logits, stop); },
                bert(), kPacked);
  on_threads(8, [&](int thread) {
    std::mt19937 random(static_cast<unsigned>(thread));
    for (int i = 0; i < 200; ++i) {
      const Question question = random_question(random);
      CHECK_EQ(ask(engine, question), serial(question));
    }
  });
  const Counters& sums = engine.counters();
  CHECK_EQ(sums.padded_tokens.load(), sums.tokens.load());
}

// Behind one that is held back, three callers with documents of all widths: one batch of them all.
void callers_share_a_batch_whatever_their_widths() {
  Gate gate;
  std::atomic<int> batches = 0;
  Engine engine(
      [&](const PackedBatch& batch, std::span<float> logits, const std::stop_token& stop) {
        gate.pass();
        ++batches;
        fake_model(batch, logits, stop);
      },
      bert(), {.max_batch_tokens = 512, .packs = true});
  const auto asked = [](std::int32_t id, std::size_t tokens) {
    return Question({id}, {Ids(tokens, id), Ids(tokens + 3, id)});
  };
  const Question blocker = asked(9, 20);
  const std::vector<Question> questions{asked(21, 14), asked(22, 9), asked(23, 4)};
  const auto first = engine.submit(blocker.view(), {.priority = 1});
  gate.await(1);
  std::vector<std::shared_ptr<Job>> jobs;
  for (const Question& question : questions) jobs.push_back(engine.submit(question.view()));
  gate.open();
  CHECK_EQ(logits_of(*first), serial(blocker));
  for (std::size_t i = 0; i < questions.size(); ++i)
    CHECK_EQ(logits_of(*jobs[i]), serial(questions[i]));
  CHECK_EQ(batches.load(), 2);
}

void no_more_batches_run_at_once_than_may() {
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  Engine engine(
      [&](const PackedBatch& batch, std::span<float> logits, const std::stop_token& stop) {
        const int now = ++running;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        fake_model(batch, logits, stop);
        --running;
      },
      bert(), kPacked, {}, {.max_runs = 2});
  on_threads(6, [&](int thread) {
    std::mt19937 random(static_cast<unsigned>(100 + thread));
    for (int i = 0; i < 100; ++i) {
      const Question question = random_question(random);
      CHECK_EQ(ask(engine, question), serial(question));
    }
  });
  CHECK_EQ(most.load() <= 2, true);
}

// While the only batch that may run is held back, and another waits, texts are encoded.
void texts_are_encoded_meanwhile() {
  TokenizerParts parts;
  parts.model = std::make_unique<WordPiece>(WordPiece::Pieces{{"[UNK]", 0}, {"a", 1}, {"b", 2}},
                                            WordPieceOptions{});
  const Tokenizer tokenizer(std::move(parts));
  ScratchPool pool(tokenizer);
  Gate gate;
  Engine engine(behind(gate), bert(), kPacked, {}, {.max_runs = 1});
  const Question question({9}, {Ids(8, 21), Ids(30, 22), Ids(50, 23)});
  const auto first = engine.submit(question.view(), {.priority = 5});
  gate.await(1);
  const auto second = engine.submit(question.view(), {.priority = 5});
  const std::string text(1 << 15, 'a');
  const auto task = engine.encode(EncodeBatch(tokenizer, pool, {text, text, "b"}, 3));
  task->wait();
  const EncodedTexts encoded = task->result();
  CHECK_EQ(encoded.offsets, {0, 1, 2, 3});
  gate.open();
  CHECK_EQ(logits_of(*first), serial(question));
  CHECK_EQ(logits_of(*second), serial(question));
}

}  // namespace

int main() {
  return run_all({
      {"scores are those of rows alone", scores_are_those_of_rows_alone},
      {"callers share a batch whatever their widths", callers_share_a_batch_whatever_their_widths},
      {"no more batches run at once than may", no_more_batches_run_at_once_than_may},
      {"texts are encoded meanwhile", texts_are_encoded_meanwhile},
  });
}
