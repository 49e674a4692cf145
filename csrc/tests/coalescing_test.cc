// Batches of several requests that are run as one: which, and that nobody can tell by his scores.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "tests/check.h"
#include "tests/fake_model.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;

// Holds the first batch back, so that what comes meanwhile waits together; and counts the rows of each.
class Held {
 public:
  RunBatch model() {
    return [this](const PackedBatch& batch, std::span<float> logits, const std::stop_token& stop) {
      gate_.pass();
      {
        const std::lock_guard lock(mutex_);
        rows_.push_back(batch.rows);
      }
      fake_model(batch, logits, stop);
    };
  }
  Gate& gate() { return gate_; }
  Ints rows() {
    const std::lock_guard lock(mutex_);
    return rows_;
  }

 private:
  Gate gate_;
  std::mutex mutex_;
  Ints rows_;
};

// Documents of `tokens` each that begin with `id`; no two are equal.
Question asked(std::int32_t id, std::size_t documents, std::size_t tokens = 8) {
  std::vector<Ids> texts(documents, Ids(tokens, id));
  for (std::size_t i = 0; i < documents; ++i) texts[i].back() = static_cast<std::int32_t>(100 + i);
  return {{id}, texts};
}

// Asks all at once behind a question of one row, checks every answer; gives the rows of the batches
// behind that one.
Ints rows_together(const std::vector<Question>& questions, PlanLimits plan,
                   const std::vector<Call>& calls = {}) {
  Held held;
  Engine engine(held.model(), bert(), std::move(plan));
  const Question blocker = asked(9, 1, 30);
  const auto first = engine.submit(blocker.view(), {.priority = 9});
  held.gate().await(1);
  std::vector<std::shared_ptr<Job>> jobs;
  for (std::size_t i = 0; i < questions.size(); ++i)
    jobs.push_back(engine.submit(questions[i].view(), calls.empty() ? Call{} : calls[i]));
  held.gate().open();
  CHECK_EQ(logits_of(*first), serial(blocker));
  for (std::size_t i = 0; i < questions.size(); ++i)
    CHECK_EQ(logits_of(*jobs[i]), serial(questions[i]));
  Ints rows = held.rows();
  rows.erase(rows.begin());
  CHECK_EQ(engine.counters().batches.load(), static_cast<std::int64_t>(rows.size()) + 1);
  return rows;
}

void rows_as_wide_run_together() {
  CHECK_EQ(rows_together({asked(21, 3), asked(22, 2), asked(23, 4)}, {}), {9});
}

void rows_of_other_widths_do_not() {
  CHECK_EQ(rows_together({asked(21, 3), asked(22, 2, 9), asked(23, 4)}, {}), {7, 2});
  // A width is rounded up first: 12 and 13 tokens are 16.
  CHECK_EQ(rows_together({asked(21, 3), asked(22, 2, 9)}, {.width_multiple = 8}), {5});
}

// The first has widths 14, 12 and 10, and its batches take along those of the others that are as wide,
// behind wider ones of their own.
void rows_ahead_of_their_turn_do_too() {
  const auto mixed = [](std::int32_t id, std::vector<std::size_t> tokens) {
    std::vector<Ids> texts;
    for (const std::size_t each : tokens) texts.emplace_back(each, id);
    return Question({id}, texts);
  };
  CHECK_EQ(rows_together({mixed(21, {10, 8, 6}), mixed(22, {12, 8, 6}), mixed(23, {8, 7, 6})}, {}),
           {1, 3, 3, 1, 1});
}

// A row waits for one row of the other, not for three; beside three others for three of whomever.
void company_is_a_fair_turn_of_the_others() {
  CHECK_EQ(rows_together({asked(21, 1), asked(22, 3)}, {}), {1, 3});
  CHECK_EQ(rows_together({asked(21, 1), asked(22, 3), asked(23, 1), asked(24, 1)}, {}), {4, 2});
}

void limits_of_a_batch_hold() {
  const std::vector<Question> questions{asked(21, 3), asked(22, 3), asked(23, 1)};
  CHECK_EQ(rows_together(questions, {.max_batch_rows = 5}), {4, 3});
  CHECK_EQ(rows_together(questions, {.max_batch_rows = 1}), {1, 1, 1, 1, 1, 1, 1});
  CHECK_EQ(rows_together(questions, {.max_batch_tokens = 4 * 12}), {4, 3});
}

void memory_is_not_exceeded() {
  // A row takes 100 bytes a token: four rows of 12 tokens, or the blocker's of 34.
  const PlanLimits plan{.row_memory = RowMemory({{1, 100}, {64, 6400}}), .memory_limit = 4800};
  CHECK_EQ(rows_together({asked(21, 3), asked(22, 3), asked(23, 1)}, plan), {4, 3});
}

void priorities_are_kept_apart() {
  CHECK_EQ(rows_together({asked(21, 3), asked(22, 2), asked(23, 4)}, {},
                         {{.priority = -1}, {.priority = 1}, {.priority = 1}}),
           {6, 3});
}

void without_it_none_does() {
  Held held;
  Engine engine(held.model(), bert(), {}, {}, {.coalesces = false});
  const Question a = asked(21, 3);
  const Question b = asked(22, 2);
  const auto first = engine.submit(a.view());
  held.gate().await(1);
  const auto second = engine.submit(b.view());
  const auto third = engine.submit(a.view());
  held.gate().open();
  CHECK_EQ(logits_of(*second), serial(b));
  CHECK_EQ(logits_of(*third), serial(a));
  CHECK_EQ(logits_of(*first), serial(a));
  CHECK_EQ(held.rows(), {3, 2, 3});
}

void only_whose_fault_it_is_fails() {
  Held held;
  Engine engine(held.model(), bert(), {});
  const Question blocker = asked(9, 1, 30);
  const Question good = asked(21, 3);
  const Question bad = asked(kPoison, 2);
  const Question no_number = asked(kNoNumber, 2);
  const auto first = engine.submit(blocker.view());
  held.gate().await(1);
  const auto fails = engine.submit(bad.view());
  const auto one = engine.submit(good.view());
  const auto nan = engine.submit(no_number.view());
  held.gate().open();
  CHECK_EQ(logits_of(*first), serial(blocker));
  CHECK_EQ(logits_of(*one), serial(good));
  CHECK_EQ(thrown<std::runtime_error>([&] { logits_of(*fails); }), "poisoned");
  CHECK_EQ(fault([&] { logits_of(*nan); }), "kRun");
  CHECK_EQ(engine.counters().failed.load(), 2);
}

// Of three that share a batch one is cancelled while it runs, another was late before.
void who_leaves_takes_nobody_along() {
  Gate first_gate;
  Gate second_gate;
  std::atomic<int> batches{0};
  Engine engine(
      [&](const PackedBatch& batch, std::span<float> logits, const std::stop_token& stop) {
        (batches++ == 0 ? first_gate : second_gate).pass();
        fake_model(batch, logits, stop);
      },
      bert(), {});
  const Question blocker = asked(9, 1, 30);
  const Question question = asked(21, 3);
  const Question other = asked(22, 3);
  const auto first = engine.submit(blocker.view());
  first_gate.await(1);
  const auto stays = engine.submit(question.view());
  const auto leaves = engine.submit(other.view());
  const Call brief{.deadline = Clock::now() + std::chrono::milliseconds(1), .timeout = 0.001};
  const auto late = engine.submit(other.view(), brief);  // and nobody looks after it
  while (!brief.is_late()) std::this_thread::yield();
  first_gate.open();
  second_gate.await(1);
  engine.cancel(*leaves, std::make_exception_ptr(Error(Fault::kCancelled, "enough")));
  second_gate.open();
  CHECK_EQ(logits_of(*stays), serial(question));
  CHECK_EQ(fault([&] { logits_of(*leaves); }), "kCancelled");
  CHECK_EQ(fault([&] { logits_of(*late); }), "kDeadline");
  CHECK_EQ(logits_of(*first), serial(blocker));
  CHECK_EQ(engine.counters().rows.load(), 1 + 3 + 3);  // the late one never ran
}

void many_callers_at_once() {
  std::atomic<std::int64_t> widest{0};
  Engine engine(
      [&](const PackedBatch& batch, std::span<float> logits, const std::stop_token& stop) {
        std::int64_t most = widest;
        const std::int64_t tokens = batch.rows * batch.width;
        while (tokens > most && !widest.compare_exchange_weak(most, tokens)) {
        }
        fake_model(batch, logits, stop);
      },
      bert(), kFourWorkers, {.rows = 30}, {.cpus = 2, .cache_rows = 50});
  on_threads(8, [&](int thread) {
    std::mt19937 random(static_cast<unsigned>(500 + thread));
    for (int i = 0; i < 300; ++i) {
      const Question question = random_question(random);
      CHECK_EQ(ask(engine, question), serial(question));
    }
  });
  CHECK_EQ(widest <= kFourWorkers.max_batch_tokens, true);
  CHECK_EQ(engine.depth().rows, 0);
  CHECK_EQ(engine.depth().tasks, 0);
}

}  // namespace

int main() {
  return run_all({
      {"rows as wide run together", rows_as_wide_run_together},
      {"rows of other widths do not", rows_of_other_widths_do_not},
      {"rows ahead of their turn do too", rows_ahead_of_their_turn_do_too},
      {"company is a fair turn of the others", company_is_a_fair_turn_of_the_others},
      {"limits of a batch hold", limits_of_a_batch_hold},
      {"memory is not exceeded", memory_is_not_exceeded},
      {"priorities are kept apart", priorities_are_kept_apart},
      {"without it none does", without_it_none_does},
      {"only whose fault it is fails", only_whose_fault_it_is_fails},
      {"who leaves takes nobody along", who_leaves_takes_nobody_along},
      {"many callers at once", many_callers_at_once},
  });
}
