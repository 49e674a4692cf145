// The engine over a fake model: everybody gets the scores, or the failure, of his own request.
#include "engine/engine.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/text/encode_batch.h"
#include "core/text/tokenizer.h"
#include "core/text/whitespace.h"
#include "core/text/wordpiece.h"
#include "engine/job.h"
#include "tests/check.h"
#include "tests/fake_model.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;
using namespace std::chrono_literals;

void many_callers_get_what_one_gets() {
  Engine engine(fake_model, bert(), kFourWorkers);
  on_threads(8, [&](int thread) {
    std::mt19937 random(static_cast<unsigned>(thread));
    for (int i = 0; i < 200; ++i) {
      const Question question = random_question(random);
      CHECK_EQ(ask(engine, question), serial(question));
    }
  });
  CHECK_EQ(engine.counters().requests.load(), 8 * 200);
}

void counters_add_up() {
  Engine engine(fake_model, bert(), {.max_batch_tokens = 16, .width_multiple = 8});
  const Question question({11}, {Ids(4, 21), {}, Ids(6, 22)});  // 8, 4 and 10 tokens
  ask(engine, question);
  ask(engine, question);
  const Counters& sums = engine.counters();
  CHECK_EQ(sums.requests.load(), 2);
  CHECK_EQ(sums.batches.load(), 4);  // [10 -> 16] and [8, 4 -> 8]
  CHECK_EQ(sums.rows.load(), 6);
  CHECK_EQ(sums.tokens.load(), 44);
  CHECK_EQ(sums.padded_tokens.load(), 64);
  CHECK_EQ(sums.run_ns.load() > 0, true);
}

void what_a_pair_was_cut_to_comes_back() {
  Engine engine(fake_model, bert(), kFourWorkers);
  const Question question({11}, {Ids(5, 21), {22}}, {.row_tokens = 6, .max_chunks = 2});
  const auto job = engine.submit(question.view());
  job->wait();
  const PairLogits scored = job->result();
  CHECK_EQ(scored.tokens_run, {12, 5});
  CHECK_EQ(scored.truncated, {true, false});
}

void one_request_is_spread_over_all_workers() {
  Gate gate;
  Engine engine(behind(gate), bert(), {.workers = 3});
  const Question question({11}, {{21}, {22}, {23}});
  std::this_thread::sleep_for(20ms);  // all workers sleep by now, and all must be woken
  const auto job = engine.submit(question.view());
  gate.await(3);  // three batches inside the model at once
  gate.open();
  CHECK_EQ(logits_of(*job), serial(question));
}

void an_empty_request_is_done_at_once() {
  Engine engine(fake_model, bert(), kFourWorkers);
  const auto job = engine.submit(Question({11}, {}).view());
  CHECK_EQ(job->wait_for(0ms), true);
  CHECK_EQ(job->result().logits, {});
  CHECK_EQ(ask(engine, Question({11}, {{21}})).size(), 1);
}

void a_refused_request_leaves_no_trace() {
  Engine engine(fake_model, bert(), {.max_width = 8});
  const Question good({11}, {{21}});
  Question bad({11}, {{21}, Ids(9, 22)}, {.row_tokens = 9, .truncate = Truncate::kNone});
  CHECK_EQ(thrown<TokenLimitExceeded>([&] { engine.submit(bad.view()); }),
           "a pair exceeds its token limit");
  bad.limits.truncate = Truncate::kEnd;
  CHECK_EQ(thrown<std::invalid_argument>([&] { engine.submit(bad.view()); }),
           "row 1 has 9 tokens, allowed are 1 to 8");
  CHECK_EQ(engine.counters().requests.load(), 0);
  CHECK_EQ(ask(engine, good), serial(good));
}

void a_failing_batch_fails_its_own_request_only() {
  Engine engine(fake_model, bert(), kFourWorkers);
  on_threads(8, [&](int thread) {
    std::mt19937 random(static_cast<unsigned>(100 + thread));
    for (int i = 0; i < 200; ++i) {
      Question question = random_question(random);
      if (!question.documents.ids.empty() && i % 3 == 0) {
        question.limits.max_chunks = 99;  // so that the poison is run, wherever it stands
        question.documents.ids[random() % question.documents.ids.size()] = kPoison;
        CHECK_EQ(thrown<std::runtime_error>([&] { ask(engine, question); }), "poisoned");
      } else {
        CHECK_EQ(ask(engine, question), serial(question));
      }
    }
  });
}

void anything_may_be_thrown() {
  std::atomic<bool> broken{true};
  Engine engine(
      [&](const PackedBatch& batch, std::span<float> logits, const std::stop_token&) {
        if (broken) throw 42;  // NOLINT(bugprone-std-exception-baseclass): that is the point
        fake_model(batch, logits);
      },
      bert(), {});
  const Question question({11}, {{21}});
  int found = 0;
  try {
    ask(engine, question);
  } catch (int number) {
    found = number;
  }
  CHECK_EQ(found, 42);
  broken = false;
  CHECK_EQ(ask(engine, question), serial(question));
}

void nan_names_its_document() {
  Engine engine(fake_model, bert(), kFourWorkers);
  const Question question({11}, {{21}, {22, 23, 24}, {kNoNumber}, {25}});
  const auto job = engine.submit(question.view());
  job->wait();
  CHECK_EQ(fault([&] { job->result(); }), "kRun");
  CHECK_EQ(thrown<Error>([&] { ask(engine, question); }),
           "the model gave NaN for the document at index 2; check its weights, or a precision that "
           "overflows");
}

// Texts of "a" and "b"; any other letter has no id.
Tokenizer letters() {
  TokenizerParts parts;
  parts.pre_tokenizer = make_whitespace_split();
  parts.model = std::make_unique<WordPiece>(WordPiece::Pieces{{"a", 1}, {"##b", 2}},
                                            WordPieceOptions{.unk_token = "[none]"});
  return Tokenizer(std::move(parts));
}

void texts_are_encoded_between_requests() {
  const Tokenizer tokenizer = letters();
  ScratchPool pool(tokenizer);
  Engine engine(fake_model, bert(), kFourWorkers);
  on_threads(8, [&](int thread) {
    std::mt19937 random(static_cast<unsigned>(200 + thread));
    for (int i = 0; i < 50; ++i) {
      std::vector<std::string> texts(40, "ab");
      for (std::string& text : texts)
        for (int word = 0; word < 300; ++word) text += random() % 2 == 0 ? " a" : " ab";
      const bool bad = i % 3 == 0;
      if (bad) texts[random() % texts.size()] += " x";
      EncodeBatch serially(tokenizer, pool, {texts.begin(), texts.end()}, Tokenizer::kUnlimited);
      const auto task = engine.encode(
          EncodeBatch(tokenizer, pool, {texts.begin(), texts.end()}, Tokenizer::kUnlimited));
      const Question question = random_question(random);
      CHECK_EQ(ask(engine, question), serial(question));
      task->wait();
      if (bad) {
        CHECK_EQ(thrown<NoTokenError>([&] { task->result(); }) != "nothing was thrown", true);
        continue;
      }
      for (std::size_t slice = 0; slice < serially.num_slices(); ++slice) serially.run(slice);
      const EncodedTexts expected = serially.result();
      const EncodedTexts found = task->result();
      CHECK_EQ(found.ids, expected.ids);
      CHECK_EQ(found.offsets, expected.offsets);
    }
  });
}

void a_closed_engine_encodes_nothing() {
  const Tokenizer tokenizer = letters();
  ScratchPool pool(tokenizer);
  Engine engine(fake_model, bert(), kFourWorkers);
  engine.close();
  CHECK_EQ(fault([&] { engine.encode(EncodeBatch(tokenizer, pool, {"a"}, 9)); }), "kClosed");
}

void who_does_not_wait_is_told() {
  std::atomic<bool> goes_on = false;
  Engine engine(
      [&](const PackedBatch& batch, std::span<float> logits, const std::stop_token& stop) {
        while (!goes_on && !stop.stop_requested()) std::this_thread::sleep_for(1ms);
        fake_model(batch, logits, stop);
      },
      bert(), {.max_batch_tokens = 64, .workers = 1});
  const Question question({11}, {{21}, {22}});
  std::atomic<int> told = 0;
  const auto submitted = [&](const Call& call) {
    std::shared_ptr<Job> job = engine.submit(question.view(), call);
    job->when_done([&] { ++told; });
    return job;
  };
  const auto running = submitted({});
  std::stop_source caller;
  const auto cancelled = submitted({.cancelled = caller.get_token()});
  const auto cancellation = engine.stop_when_cancelled(cancelled);
  CHECK_EQ(told.load(), 0);
  caller.request_stop();
  CHECK_EQ(told.load(), 1);
  CHECK_EQ(fault([&] { cancelled->result(); }), "kCancelled");
  goes_on = true;
  running->wait();
  while (told == 1) std::this_thread::sleep_for(1ms);  // told behind the waiter's back
  running->when_done([&] { ++told; });                 // it is: at once
  CHECK_EQ(told.load(), 3);
  CHECK_EQ(running->result().logits.size(), 2U);
}

}  // namespace

int main() {
  return run_all({
      {"many callers get what one gets", many_callers_get_what_one_gets},
      {"counters add up", counters_add_up},
      {"what a pair was cut to comes back", what_a_pair_was_cut_to_comes_back},
      {"one request is spread over all workers", one_request_is_spread_over_all_workers},
      {"an empty request is done at once", an_empty_request_is_done_at_once},
      {"a refused request leaves no trace", a_refused_request_leaves_no_trace},
      {"a failing batch fails its own request only", a_failing_batch_fails_its_own_request_only},
      {"texts are encoded between requests", texts_are_encoded_between_requests},
      {"a closed engine encodes nothing", a_closed_engine_encodes_nothing},
      {"anything may be thrown", anything_may_be_thrown},
      {"NaN names its document", nan_names_its_document},
      {"who does not wait is told", who_does_not_wait_is_told},
  });
}
