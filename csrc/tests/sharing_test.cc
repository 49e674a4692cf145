// What engines of one process share, and what a batch may take: threads, slots, memory.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/row_memory.h"
#include "engine/engine.h"
#include "tests/check.h"
#include "tests/fake_model.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;
using namespace std::chrono_literals;

const Question& one() {
  static const Question question({11}, {{21}});
  return question;
}

// A pair of 128 tokens: enough to gain from all threads.
Question long_pairs(std::size_t count) {
  std::vector<Ids> documents;  // none equals another, or it would not be run
  for (std::size_t i = 0; i < count; ++i) documents.emplace_back(124, 21 + static_cast<int>(i));
  return {{11}, std::move(documents), {.row_tokens = 128}};
}

const PlanLimits kFourThreads{.max_batch_rows = 1, .workers = 4};

RunBatch counting(std::atomic<int>& runs) {
  return [&runs](const PackedBatch& batch, std::span<float> logits, const std::stop_token& stop) {
    ++runs;
    fake_model(batch, logits, stop);
  };
}

void slots_are_shared_by_all_engines() {
  Gate gate;
  Engine busy(behind(gate), bert(), {}, {}, {.cpus = 1});
  Engine other(fake_model, bert(), {}, {}, {.cpus = 1});
  const auto runs = busy.submit(one().view());
  gate.await(1);
  const auto waits = other.submit(one().view());
  CHECK_EQ(waits->wait_for(20ms), false);
  gate.open();
  CHECK_EQ(logits_of(*waits), serial(one()));
  CHECK_EQ(logits_of(*runs), serial(one()));
}

void an_engine_has_its_own_threads_and_no_more() {
  Gate gate;
  Engine small(behind(gate), bert(), {.max_batch_rows = 1}, {}, {.cpus = 4});
  Engine large(behind(gate), bert(), kFourThreads, {}, {.cpus = 4});
  const Question many({11}, {{21}, {22}, {23}, {24}, {25}});
  const auto first = small.submit(many.view());
  const auto second = large.submit(many.view());
  gate.await(4);  // one of the small engine, three of the large one: there are four CPUs
  std::this_thread::sleep_for(20ms);
  CHECK_EQ(small.depth().rows + large.depth().rows, 6);
  CHECK_EQ(small.depth().rows, 4);
  gate.open();
  CHECK_EQ(logits_of(*first), serial(many));
  CHECK_EQ(logits_of(*second), serial(many));
}

void engines_are_served_alike_by_time() {
  std::mutex mutex;
  std::string order;
  const auto taking = [&](char name, std::chrono::milliseconds time) -> RunBatch {
    return
        [&, name, time](const PackedBatch& batch, std::span<float> logits, const std::stop_token&) {
          {
            const std::lock_guard lock(mutex);
            order += name;
          }
          std::this_thread::sleep_for(time);
          fake_model(batch, logits);
        };
  };
  Engine slow(taking('s', 100ms), bert(), {.max_batch_rows = 1}, {}, {.cpus = 1});
  Engine fast(taking('f', 1ms), bert(), {.max_batch_rows = 1}, {}, {.cpus = 1});
  const Question three({11}, {{21}, {22}, {23}});
  const Question six({11}, {{21}, {22}, {23}, {24}, {25}, {26}});
  const auto first = slow.submit(three.view());
  const auto second = fast.submit(six.view());
  CHECK_EQ(logits_of(*first), serial(three));
  CHECK_EQ(logits_of(*second), serial(six));
  CHECK_EQ(order.back(), 's');  // by turns the short pieces would be the last
}

void closing_one_does_not_touch_the_others() {
  Gate gate;
  Engine busy(behind(gate), bert(), {.max_batch_rows = 1}, {}, {.cpus = 2});
  const auto runs = busy.submit(one().view());
  gate.await(1);
  {
    Engine other(fake_model, bert(), kFourThreads, {}, {.cpus = 2});
    CHECK_EQ(ask(other, one()), serial(one()));
    other.close();
    CHECK_EQ(fault([&] { other.submit(one().view()); }), "kClosed");
  }
  CHECK_EQ(runs->wait_for(0ms), false);
  gate.open();
  CHECK_EQ(logits_of(*runs), serial(one()));
  CHECK_EQ(ask(busy, one()), serial(one()));
}

#ifdef __linux__
std::ptrdiff_t num_threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

void threads_come_and_go_with_the_engines() {
  const auto before = num_threads();
  {
    Engine first(fake_model, bert(), kFourThreads, {}, {.cpus = 4});
    CHECK_EQ(num_threads(), before + 4);
    Engine second(fake_model, bert(), kFourThreads, {}, {.cpus = 4});
    CHECK_EQ(num_threads(), before + 4);
    first.close();
    CHECK_EQ(ask(second, one()), serial(one()));
  }
  CHECK_EQ(num_threads(), before);
}
#endif

void engines_come_and_go_while_others_score() {
  std::atomic<bool> over{false};
  Engine lasting(fake_model, bert(), kFourThreads, {}, {.cpus = 3});
  on_threads(6, [&](int thread) {
    std::mt19937 random(static_cast<unsigned>(300 + thread));
    if (thread < 3) {
      for (int i = 0; i < 60; ++i) {
        Engine own(fake_model, bert(), {.max_batch_rows = 1, .workers = 1 + thread}, {},
                   {.cpus = 3});
        const Question question = random_question(random);
        CHECK_EQ(ask(own, question), serial(question));
      }
      over = true;
      return;
    }
    while (!over) {
      const Question question = random_question(random);
      CHECK_EQ(ask(lasting, question), serial(question));
    }
  });
}

void what_is_alone_has_all_threads() {
  std::atomic<int> narrow{0};
  std::atomic<int> wide{0};
  Engine engine(counting(narrow), bert(), kFourThreads, {}, {.run_alone = counting(wide)});
  for (int i = 0; i < 50; ++i) CHECK_EQ(ask(engine, long_pairs(1)), serial(long_pairs(1)));
  CHECK_EQ(wide.load(), 50);
  CHECK_EQ(ask(engine, long_pairs(2)), serial(long_pairs(2)));  // one after the other
  CHECK_EQ(wide.load(), 52);
  CHECK_EQ(ask(engine, one()), serial(one()));  // too short to gain
  CHECK_EQ(narrow.load(), 1);
  CHECK_EQ(ask(engine, long_pairs(40)), serial(long_pairs(40)));
  CHECK_EQ(wide.load() <= 54, true);  // at most the last two, when all others have ended
  CHECK_EQ(narrow.load() + wide.load(), 93);
}

void one_thread_is_never_wide() {
  std::atomic<int> narrow{0};
  std::atomic<int> wide{0};
  Engine engine(counting(narrow), bert(), {}, {}, {.run_alone = counting(wide)});
  ask(engine, long_pairs(1));
  CHECK_EQ(narrow.load(), 1);
  CHECK_EQ(wide.load(), 0);
}

void nothing_runs_beside_what_is_alone() {
  Gate gate;
  std::atomic<int> narrow{0};
  Engine engine(counting(narrow), bert(), kFourThreads, {}, {.run_alone = behind(gate), .cpus = 4});
  Engine other(fake_model, bert(), kFourThreads, {}, {.cpus = 4});
  const Question long_pair = long_pairs(1);
  const auto alone = engine.submit(long_pair.view());
  gate.await(1);
  const auto mine = engine.submit(one().view());
  const auto theirs = other.submit(one().view());
  std::this_thread::sleep_for(20ms);
  CHECK_EQ(mine->wait_for(0ms) || theirs->wait_for(0ms), false);
  gate.open();
  for (const auto& job : {mine, theirs}) CHECK_EQ(logits_of(*job), serial(one()));
  CHECK_EQ(logits_of(*alone), serial(long_pair));
}

void what_others_wait_beside_is_not_alone() {
  Gate gate;
  std::atomic<int> wide{0};
  Engine busy(behind(gate), bert(), {}, {}, {.cpus = 4});
  Engine engine(fake_model, bert(), kFourThreads, {}, {.run_alone = counting(wide), .cpus = 4});
  const auto runs = busy.submit(one().view());
  gate.await(1);
  CHECK_EQ(ask(engine, long_pairs(1)), serial(long_pairs(1)));
  CHECK_EQ(wide.load(), 0);
  gate.open();
  CHECK_EQ(logits_of(*runs), serial(one()));
}

// A byte for each token, and one more for each pair of them.
const RowMemory& row_memory() {
  static const RowMemory memory({{4, 8}, {8, 40}, {16, 272}});
  return memory;
}

void memory_of_a_row() {
  CHECK_EQ(RowMemory().bytes(512), 0);
  CHECK_EQ(row_memory().bytes(1), 8);
  CHECK_EQ(row_memory().bytes(4), 8);
  CHECK_EQ(row_memory().bytes(6), 24);
  CHECK_EQ(row_memory().bytes(16), 272);
  CHECK_EQ(row_memory().bytes(32), 4 * 272);
  const auto made = [](std::vector<std::pair<std::int64_t, std::int64_t>> seen) {
    return thrown<std::invalid_argument>([&] { const RowMemory memory(std::move(seen)); });
  };
  CHECK_EQ(made({{4, 8}, {4, 9}}), "widths and their bytes must ascend");
  CHECK_EQ(made({{4, 8}, {5, 7}}), "widths and their bytes must ascend");
}

void batches_are_narrowed_to_the_memory() {
  PlanLimits limits{.workers = 2, .row_memory = row_memory(), .memory_limit = 100};
  const std::vector<std::int64_t> lengths(20, 6);
  for (const Batch& batch : plan_batches(lengths, limits).batches) CHECK_EQ(batch.rows, 2);
  limits.memory_limit = 30;  // a row is never cut: who runs it waits until it fits
  for (const Batch& batch : plan_batches(lengths, limits).batches) CHECK_EQ(batch.rows, 1);
}

void what_runs_stays_within_the_memory() {
  for (const std::int64_t limit : {272, 300, 1000}) {
    std::atomic<std::int64_t> held{0};
    std::atomic<std::int64_t> most{0};
    Engine engine(
        [&](const PackedBatch& batch, std::span<float> logits, const std::stop_token&) {
          const std::int64_t bytes = batch.rows * row_memory().bytes(batch.width);
          const std::int64_t now = held += bytes;
          std::int64_t seen = most;
          while (seen < now && !most.compare_exchange_weak(seen, now)) {
          }
          fake_model(batch, logits);
          held -= bytes;
        },
        bert(), {.workers = 4, .row_memory = row_memory(), .memory_limit = limit});
    on_threads(4, [&](int thread) {
      std::mt19937 random(static_cast<unsigned>(400 + thread));
      for (int i = 0; i < 100; ++i) {
        const Question question = random_question(random);
        CHECK_EQ(ask(engine, question), serial(question));
      }
    });
    CHECK_EQ(most.load() <= limit, true);
  }
}

void a_row_that_does_not_fit_is_an_error_before_anything_runs() {
  Engine engine(fake_model, bert(),
                {.workers = 4, .row_memory = row_memory(), .memory_limit = 271});
  const Question question({11}, {{21}, Ids(12, 22)});  // 5 and 16 tokens
  CHECK_EQ(fault([&] { engine.submit(question.view()); }), "kMemory");
  CHECK_EQ(
      thrown<Error>([&] { engine.submit(question.view()); }),
      "the document at index 1 and its query need 272 bytes to run 16 tokens, and memory_limit "
      "is 271; raise it, or cut what is long by max_pair_tokens or max_tokens_per_doc");
  CHECK_EQ(engine.counters().batches.load(), 0);
  CHECK_EQ(ask(engine, one()), serial(one()));
}

void who_waits_for_memory_can_be_stopped() {
  Gate gate;
  Engine engine(behind(gate), bert(),
                {.workers = 2, .row_memory = row_memory(), .memory_limit = 272});
  const Question wide({11}, {Ids(12, 22)});
  const auto runs = engine.submit(wide.view());
  gate.await(1);
  const auto waits = engine.submit(wide.view());
  CHECK_EQ(waits->wait_for(20ms), false);
  engine.cancel(*waits, std::make_exception_ptr(std::runtime_error("changed my mind")));
  CHECK_EQ(waits->wait_for(0ms), true);
  const auto later = engine.submit(wide.view());
  gate.open();
  CHECK_EQ(logits_of(*runs), serial(wide));
  CHECK_EQ(logits_of(*later), serial(wide));
}

}  // namespace

int main() {
  return run_all({
      {"slots are shared by all engines", slots_are_shared_by_all_engines},
      {"an engine has its own threads and no more", an_engine_has_its_own_threads_and_no_more},
      {"engines are served alike by time", engines_are_served_alike_by_time},
      {"closing one does not touch the others", closing_one_does_not_touch_the_others},
#ifdef __linux__
      {"threads come and go with the engines", threads_come_and_go_with_the_engines},
#endif
      {"engines come and go while others score", engines_come_and_go_while_others_score},
      {"what is alone has all threads", what_is_alone_has_all_threads},
      {"one thread is never wide", one_thread_is_never_wide},
      {"nothing runs beside what is alone", nothing_runs_beside_what_is_alone},
      {"what others wait beside is not alone", what_others_wait_beside_is_not_alone},
      {"memory of a row", memory_of_a_row},
      {"batches are narrowed to the memory", batches_are_narrowed_to_the_memory},
      {"what runs stays within the memory", what_runs_stays_within_the_memory},
      {"a row that does not fit is an error before anything runs",
       a_row_that_does_not_fit_is_an_error_before_anything_runs},
      {"who waits for memory can be stopped", who_waits_for_memory_can_be_stopped},
  });
}
