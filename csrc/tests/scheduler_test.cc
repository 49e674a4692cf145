// Who is served when: turns, priorities, bounds, deadlines, cancelled calls. Orders are checked, times
// never are.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "engine/engine.h"
#include "engine/task_queue.h"
#include "engine/turns.h"
#include "tests/check.h"
#include "tests/fake_model.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;
using namespace std::chrono_literals;

// Pieces of one cost that nobody runs.
class Idle final : public Task {
 public:
  Idle(char name, std::size_t pieces, std::int64_t cost, int priority = 0, std::int64_t rows = 1)
      : Task(pieces, {.priority = priority}), name_(name), cost_(cost), rows_(rows) {}

  char name() const { return name_; }
  std::int64_t cost(std::size_t /*piece*/) const override { return cost_; }
  Load load(std::size_t /*piece*/) const override { return {rows_, cost_}; }

 private:
  void run(std::size_t /*piece*/, WorkerBuffers& /*buffers*/,
           const std::stop_token& /*stop*/) override {}
  std::string progress(std::size_t /*ended*/) const override { return ""; }

  char name_;
  std::int64_t cost_;
  std::int64_t rows_;
};

template <class... Arguments>
std::shared_ptr<Idle> idle(Arguments... arguments) {
  return std::make_shared<Idle>(arguments...);
}

// The names of the next `count` pieces.
template <class Queue>
std::string names(Queue& queue, std::size_t count = 1000) {
  std::string taken;
  while (taken.size() < count && !queue.empty())
    taken += static_cast<const Idle&>(*queue.take().task).name();
  return taken;
}

void tasks_take_turns() {
  Turns turns;
  turns.push(idle('H', 100, 512));
  CHECK_EQ(names(turns, 3), "HHH");
  turns.push(idle('a', 2, 512));
  turns.push(idle('b', 3, 256));
  CHECK_EQ(names(turns, 9), "abbHabHHH");
}

void a_turn_is_worth_tokens_not_pieces() {
  Turns turns;
  turns.push(idle('n', 8, 128));
  turns.push(idle('w', 4, 1024));  // each piece costs two turns
  CHECK_EQ(names(turns), "nnnnwnnnnwww");
}

void a_debt_is_paid_back() {
  Turns turns;
  turns.push(idle('W', 2, 2048));
  turns.push(idle('s', 6, 512));
  CHECK_EQ(names(turns), "WssssWss");
}

void a_small_task_waits_for_one_turn_of_each_other() {
  Turns turns;
  for (int i = 0; i < 20; ++i) turns.push(idle('H', 1000, 512));
  names(turns, 77);
  turns.push(idle('s', 2, 256));
  const std::string order = names(turns, 60);
  CHECK_EQ(order.find('s') <= 20, true);
  CHECK_EQ(order.rfind('s') <= 21, true);
}

void newcomers_do_not_starve_who_was_there() {
  Turns turns;
  turns.push(idle('H', 50, 512));
  std::string order;
  for (int i = 0; i < 100; ++i) {
    turns.push(idle('n', 1, 512));
    order += names(turns, 1);
  }
  CHECK_EQ(std::count(order.begin(), order.end(), 'H') >= 10, true);
}

void higher_priorities_go_first() {
  Turns turns;
  turns.push(idle('l', 3, 512, -1));
  turns.push(idle('n', 2, 512));
  CHECK_EQ(names(turns, 1), "n");
  turns.push(idle('h', 2, 512, 5));
  turns.push(idle('k', 1, 512, 5));
  CHECK_EQ(names(turns), "hkhnlll");
}

void shares_are_equal_whatever_the_pieces_cost() {
  std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed): the same each time
  for (int round = 0; round < 50; ++round) {
    Turns turns;
    std::map<const Task*, std::int64_t> taken;
    std::int64_t widest = 0;
    for (int i = 0; i < 8; ++i) {
      const auto cost = static_cast<std::int64_t>(1 + random() % 3000);
      widest = std::max(widest, cost);
      const auto task = idle('t', 100000, cost);
      taken[task.get()] = 0;
      turns.push(task);
    }
    for (int i = 0; i < 2000; ++i) {
      const auto [task, piece] = turns.take();
      taken[task.get()] += task->cost(piece);
    }
    const auto [least, most] =
        std::minmax_element(taken.begin(), taken.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; });
    CHECK_EQ(most->second - least->second <= 2 * (Turns::kTurn + widest), true);
  }
}

void a_task_that_leaves_is_gone() {
  Turns turns;
  const auto task = idle('a', 5, 512);
  CHECK_EQ(turns.remove(*task).has_value(), false);
  turns.push(task);
  turns.push(idle('b', 2, 512));
  CHECK_EQ(names(turns, 3), "aba");
  CHECK_EQ(turns.remove(*task).value_or(Turns::Rest{}).pieces, 3);
  CHECK_EQ(names(turns), "b");
  CHECK_EQ(turns.remove(*task).has_value(), false);
  CHECK_EQ(turns.size(), 0);
}

void what_is_taken_ahead_is_paid() {
  Turns turns;
  turns.push(idle('a', 2, 512));
  turns.push(idle('b', 4, 1024));
  turns.push(idle('p', 1, 512, -1));
  std::vector<Turns::Turn> taken{turns.take()};
  const auto third = [](const Task& task, const Turns::IsLeft& is_left) {
    return task.num_pieces() == 4 && is_left(2) ? std::optional<std::size_t>(2) : std::nullopt;
  };
  turns.take_ahead(0, third, taken);
  CHECK_EQ(taken.size(), 2);
  CHECK_EQ(taken.back().piece, 2);
  CHECK_EQ(turns.pieces(), 5);
  turns.take_ahead(0, third, taken);  // it is gone
  turns.take_ahead(7, third, taken);  // nobody is there
  CHECK_EQ(taken.size(), 2);
  CHECK_EQ(names(turns, 1), "a");  // b has spent its turn
  std::vector<std::size_t> pieces;
  for (int i = 0; i < 3; ++i) pieces.push_back(turns.take().piece);
  CHECK_EQ(pieces, {0, 1, 3});
  const auto first = [](const Task& /*task*/, const Turns::IsLeft& is_left) {
    return is_left(0) ? std::optional<std::size_t>(0) : std::nullopt;
  };
  turns.take_ahead(-1, first, taken);
  CHECK_EQ(taken.size(), 3);  // and with it the lane is gone
  CHECK_EQ(turns.empty(), true);
}

void what_was_taken_ahead_is_not_left() {
  TaskQueue queue({});
  const auto task = idle('a', 5, 10);
  queue.push(task);
  std::vector<Turns::Turn> taken{queue.take()};
  queue.take_ahead(
      0, [](const Task& /*task*/, const Turns::IsLeft& /*is_left*/) { return 3; }, taken);
  CHECK_EQ(queue.load().tokens, 30);
  CHECK_EQ(queue.remove(*task), 3);
  CHECK_EQ(queue.load().rows, 0);
  CHECK_EQ(queue.load().tokens, 0);
  CHECK_EQ(queue.pieces(), 0);
}

void nobody_overtakes_at_the_door() {
  TaskQueue queue({.rows = 4});
  queue.push(idle('a', 4, 512));
  queue.push(idle('B', 3, 512));  // no room
  queue.push(idle('c', 1, 512));  // nor for c, behind B
  queue.push(idle('p', 1, 512, 1));
  CHECK_EQ(queue.load().rows, 4);
  CHECK_EQ(queue.size(), 4);
  CHECK_EQ(names(queue), "apaaBacBB");  // p as soon as there is room, B when a has one row left
}

void a_request_larger_than_the_bound_comes_in_alone() {
  TaskQueue queue({.rows = 4, .tokens = 2048});
  queue.push(idle('H', 9, 512));
  CHECK_EQ(queue.load().rows, 9);
  queue.push(idle('s', 1, 512));
  CHECK_EQ(names(queue), "HHHHHHsHHH");  // s when three are left: the bound is four
}

void bounds_hold() {
  std::mt19937 random(2);  // NOLINT(bugprone-random-generator-seed): the same each time
  for (int round = 0; round < 100; ++round) {
    const QueueBounds bounds{.rows = static_cast<std::int64_t>(1 + random() % 20),
                             .tokens = static_cast<std::int64_t>(1 + random() % 5000)};
    TaskQueue queue(bounds);
    std::vector<std::shared_ptr<Idle>> all;
    std::map<const Task*, std::size_t> taken;
    std::size_t ended = 0;
    std::size_t pushed = 0;
    for (int step = 0; step < 400; ++step) {
      const auto dice = step < 300 ? random() % 5 : 4U;
      if (dice < 2) {
        all.push_back(idle('t', 1 + random() % 6, static_cast<std::int64_t>(random() % 900 + 1),
                           static_cast<int>(random() % 3)));
        queue.push(all.back());
        pushed += all.back()->num_pieces();
      } else if (dice == 2 && !all.empty()) {
        const auto& task = all[random() % all.size()];
        const std::size_t left = queue.remove(*task);
        CHECK_EQ(left == 0 || left == task->num_pieces() - taken[task.get()], true);
        ended += left;
      } else if (!queue.empty()) {
        ++taken[queue.take().task.get()];
        ++ended;
      }
      const Load after = queue.load();
      // 6 x 899 at most: more than the bound is one request, which came in alone.
      CHECK_EQ(after.rows <= std::max<std::int64_t>(bounds.rows, 6), true);
      CHECK_EQ(after.tokens <= std::max<std::int64_t>(bounds.tokens, 6 * 900), true);
    }
    while (!queue.empty()) {
      queue.take();
      ++ended;
    }
    CHECK_EQ(ended, pushed);  // nothing is forgotten, nothing is taken twice
    CHECK_EQ(queue.load().rows, 0);
    CHECK_EQ(queue.load().tokens, 0);
    CHECK_EQ(queue.size(), 0);
  }
}

void a_queue_may_refuse() {
  TaskQueue queue({.rows = 4, .refuse = true});
  CHECK_EQ(queue.refuses({5, 1}), false);  // alone it may come
  queue.push(idle('a', 4, 512));
  CHECK_EQ(queue.refuses({1, 512}), true);
  CHECK_EQ(queue.refuses({0, 0}), false);
  CHECK_EQ(queue.excess({1, 512}), 0.25);
  CHECK_EQ(queue.excess({100, 512}), 1.0);
  queue.take();
  CHECK_EQ(queue.refuses({1, 512}), false);
}

// Remembers the first id of each batch's first document.
class Diary {
 public:
  RunBatch model(Gate& gate) {
    return [this, &gate](const PackedBatch& batch, std::span<float> logits,
                         const std::stop_token& stop) {
      {
        const std::lock_guard lock(mutex_);
        order_.push_back(batch.input_ids[3]);
      }
      gate.pass();
      fake_model(batch, logits, stop);
    };
  }
  Ints order() {
    const std::lock_guard lock(mutex_);
    return order_;
  }

 private:
  std::mutex mutex_;
  Ints order_;
};

// Each document a batch of 512 tokens that begins with `id`; no two are equal.
Question wide(std::size_t documents, std::int32_t id) {
  std::vector<Ids> texts(documents, Ids(508, id));
  for (std::size_t i = 0; i < documents; ++i) texts[i].back() = static_cast<std::int32_t>(100 + i);
  return {{11}, texts, {.row_tokens = 512}};
}

constexpr PlanLimits kRowByRow{.max_batch_rows = 1};

bool wait(Engine& engine, Task& task) {
  for (int i = 0; i < 3000; ++i)
    if (engine.wait_for(task, 10ms)) return true;
  std::terminate();  // as logits_of
}

Call within(Clock::duration time) {
  return {.deadline = Clock::now() + time, .timeout = std::chrono::duration<double>(time).count()};
}

void a_huge_request_delays_small_ones_by_a_batch() {
  Gate gate;
  Diary diary;
  Engine engine(diary.model(gate), bert(), kRowByRow);
  const Question huge = wide(12, 21);
  const Question small = wide(2, 31);
  const Question urgent = wide(2, 41);
  const Question idle_hours = wide(1, 51);
  const auto first = engine.submit(huge.view());
  gate.await(1);
  const auto last = engine.submit(idle_hours.view(), {.priority = -1});
  const auto second = engine.submit(small.view());
  const auto third = engine.submit(urgent.view(), {.priority = 1});
  gate.open();
  CHECK_EQ(logits_of(*second), serial(small));
  CHECK_EQ(logits_of(*third), serial(urgent));
  CHECK_EQ(logits_of(*first), serial(huge));
  CHECK_EQ(logits_of(*last), serial(idle_hours));
  CHECK_EQ(diary.order(), {21, 41, 41, 31, 21, 31, 21, 21, 21, 21, 21, 21, 21, 21, 21, 21, 51});
}

void a_late_call_is_refused() {
  Engine engine(fake_model, bert(), {});
  const Question question({11}, {{21}});
  CHECK_EQ(thrown<Error>([&] { engine.submit(question.view(), within(-1ms)); }),
           "the timeout of -0.001 s has passed: no batch was run");
  CHECK_EQ(fault([&] { engine.check(within(-1ms)); }), "kDeadline");
  CHECK_EQ(engine.counters().deadline_exceeded.load(), 2);
  CHECK_EQ(engine.counters().requests.load(), 0);
}

void a_deadline_passes_while_it_waits() {
  Gate gate;
  Engine engine(behind(gate), bert(), kRowByRow);
  const Question one = wide(1, 21);
  const Question two = wide(2, 31);
  const auto runs = engine.submit(one.view());
  gate.await(1);
  const auto waits = engine.submit(two.view(), within(2ms));
  CHECK_EQ(wait(engine, *waits), true);  // though no worker is free
  CHECK_EQ(thrown<Error>([&] { waits->result(); }),
           "the timeout of 0.002 s has passed: 0 of 2 batches were run");
  CHECK_EQ(engine.depth().tasks, 0);
  gate.open();
  CHECK_EQ(logits_of(*runs), serial(one));
  CHECK_EQ(engine.counters().batches.load(), 1);
}

void what_is_late_never_starts() {
  Gate gate;
  Engine engine(behind(gate), bert(), kRowByRow);
  const Question one = wide(1, 21);
  const Question two = wide(2, 31);
  const auto runs = engine.submit(one.view());
  gate.await(1);
  const Call call = within(1ms);
  const auto waits = engine.submit(two.view(), call);  // and nobody looks after it
  std::this_thread::sleep_until(call.deadline);
  gate.open();
  waits->wait();
  CHECK_EQ(fault([&] { waits->result(); }), "kDeadline");
  CHECK_EQ(logits_of(*runs), serial(one));
  CHECK_EQ(engine.counters().batches.load(), 1);
  CHECK_EQ(engine.counters().deadline_exceeded.load(), 1);
}

// Runs until it is asked to stop.
void endless(const PackedBatch& /*batch*/, std::span<float> /*logits*/,
             const std::stop_token& stop) {
  while (!stop.stop_requested()) std::this_thread::yield();
  throw std::runtime_error("terminated");
}

void what_runs_is_asked_to_stop() {
  const Question question = wide(4, 21);
  {
    Engine engine(endless, bert(), {.max_batch_rows = 1, .workers = 2});
    const auto job = engine.submit(question.view(), within(2ms));
    CHECK_EQ(wait(engine, *job), true);
    CHECK_EQ(thrown<Error>([&] { job->result(); }),
             "the timeout of 0.002 s has passed: 0 of 4 batches were run");
    CHECK_EQ(engine.counters().failed.load(), 0);
  }
  {
    Engine engine(endless, bert(), {.max_batch_rows = 1, .workers = 2});
    std::stop_source source;
    const auto job = engine.submit(question.view(), {.cancelled = source.get_token()});
    const std::jthread other([&] { source.request_stop(); });
    CHECK_EQ(wait(engine, *job), true);
    CHECK_EQ(fault([&] { job->result(); }), "kCancelled");
    CHECK_EQ(fault([&] { engine.check({.cancelled = source.get_token()}); }), "kCancelled");
    CHECK_EQ(engine.counters().cancelled.load(), 2);
  }
}

void a_failing_batch_stops_its_siblings() {
  Engine engine(
      [](const PackedBatch& batch, std::span<float> logits, const std::stop_token& stop) {
        if (batch.input_ids[3] == kPoison) fake_model(batch, logits, stop);
        endless(batch, logits, stop);
      },
      bert(), {.max_batch_rows = 1, .workers = 2});
  const Question question({11}, {{21}, {kPoison}, {22}});
  const auto job = engine.submit(question.view());
  CHECK_EQ(thrown<std::runtime_error>([&] { logits_of(*job); }), "poisoned");
  CHECK_EQ(engine.counters().failed.load(), 1);
}

// One call of random terms; what came of it, "nothing was thrown" for the right scores.
std::string_view random_call(Engine& engine, std::mt19937& random) {
  Question question = random_question(random);
  question.limits.max_chunks = 2;  // at most 22 rows
  std::stop_source source;
  Call call{.priority = static_cast<int>(random() % 3), .cancelled = source.get_token()};
  if (random() % 3 == 0) {
    call.deadline = Clock::now() + std::chrono::microseconds(random() % 300);
    call.timeout = 0.1;
  }
  std::optional<std::jthread> other;
  if (random() % 3 == 0)
    other.emplace([&source, time = random() % 300] {
      std::this_thread::sleep_for(std::chrono::microseconds(time));
      source.request_stop();
    });
  return fault([&] {
    const auto job = engine.submit(question.view(), call);
    wait(engine, *job);
    CHECK_EQ(job->result().logits, serial(question));
  });
}

void everything_at_once() {
  constexpr QueueBounds kBounds{.rows = 30, .tokens = 400};
  std::atomic<Engine*> watched{nullptr};
  std::atomic<std::int64_t> most_rows{0};
  Engine engine(
      [&](const PackedBatch& batch, std::span<float> logits, const std::stop_token& stop) {
        const Engine* const made = watched;
        const std::int64_t rows = made == nullptr ? 0 : made->depth().rows;
        std::int64_t most = most_rows;
        while (rows > most && !most_rows.compare_exchange_weak(most, rows)) {
        }
        if (stop.stop_requested()) throw std::runtime_error("terminated");
        fake_model(batch, logits, stop);
      },
      bert(), kFourWorkers, kBounds);
  watched = &engine;
  std::mutex mutex;
  std::map<std::string_view, std::int64_t> outcomes;
  on_threads(8, [&](int thread) {
    std::mt19937 random(static_cast<unsigned>(300 + thread));
    for (int i = 0; i < 300; ++i) {
      const std::string_view outcome = random_call(engine, random);
      const std::lock_guard lock(mutex);
      ++outcomes[outcome];
    }
  });
  CHECK_EQ(outcomes["nothing was thrown"] + outcomes["kDeadline"] + outcomes["kCancelled"],
           8 * 300);
  CHECK_EQ(engine.counters().deadline_exceeded.load(), outcomes["kDeadline"]);
  CHECK_EQ(engine.counters().cancelled.load(), outcomes["kCancelled"]);
  CHECK_EQ(engine.counters().failed.load(), 0);
  CHECK_EQ(most_rows <= kBounds.rows, true);
  CHECK_EQ(engine.depth().rows, 0);
  CHECK_EQ(engine.depth().tokens, 0);
  CHECK_EQ(engine.depth().tasks, 0);
}

void a_full_queue_lets_wait() {
  Gate gate;
  Diary diary;
  Engine engine(diary.model(gate), bert(), kRowByRow, {.rows = 2});
  const Question a = wide(1, 21);
  const Question b = wide(2, 31);
  const Question c = wide(2, 41);
  const auto first = engine.submit(a.view());
  gate.await(1);
  const auto second = engine.submit(b.view());
  const auto third = engine.submit(c.view());
  const auto late = engine.submit(c.view(), within(1ms));
  CHECK_EQ(engine.depth().rows, 2);
  CHECK_EQ(wait(engine, *late), true);
  CHECK_EQ(fault([&] { late->result(); }), "kDeadline");
  CHECK_EQ(engine.depth().tasks, 2);
  gate.open();
  CHECK_EQ(logits_of(*third), serial(c));
  CHECK_EQ(logits_of(*second), serial(b));
  CHECK_EQ(diary.order(), {21, 31, 31, 41, 41});
}

void a_full_queue_refuses() {
  Gate gate;
  Engine engine(behind(gate), bert(), kRowByRow, {.rows = 2, .refuse = true});
  const Question a = wide(1, 21);
  const Question huge = wide(9, 31);
  engine.check_room();
  const auto first = engine.submit(a.view());
  gate.await(1);
  const auto second = engine.submit(huge.view());  // nothing waits yet
  double retry_after = 0;
  try {
    engine.submit(a.view());
  } catch (const ResourceExhausted& error) {
    retry_after = error.retry_after();
    CHECK_EQ(std::string(error.what()),
             std::string("the queue is full: 9 rows of 4608 tokens wait; try again in 1 s"));
  }
  CHECK_EQ(retry_after, 1.0);  // nothing has run that would tell
  CHECK_EQ(thrown<ResourceExhausted>([&] { engine.check_room(); }) != "nothing was thrown", true);
  CHECK_EQ(engine.counters().rejected.load(), 2);
  gate.open();
  CHECK_EQ(logits_of(*second), serial(huge));
  CHECK_EQ(ask(engine, a), serial(a));
  CHECK_EQ(engine.counters().requests.load(), 3);
}

void closing_fails_who_waits_at_the_door() {
  Gate gate;
  Engine engine(behind(gate), bert(), kRowByRow, {.rows = 1});
  const Question one = wide(1, 21);
  const auto runs = engine.submit(one.view());
  gate.await(1);
  const auto waits = engine.submit(one.view());
  const auto at_the_door = engine.submit(one.view());
  const std::jthread closer([&] { engine.close(); });
  CHECK_EQ(fault([&] { logits_of(*waits); }), "kClosed");
  CHECK_EQ(fault([&] { logits_of(*at_the_door); }), "kClosed");
  gate.open();
  CHECK_EQ(logits_of(*runs), serial(one));
}

}  // namespace

int main() {
  return run_all({
      {"tasks take turns", tasks_take_turns},
      {"a turn is worth tokens, not pieces", a_turn_is_worth_tokens_not_pieces},
      {"a debt is paid back", a_debt_is_paid_back},
      {"a small task waits for one turn of each other",
       a_small_task_waits_for_one_turn_of_each_other},
      {"newcomers do not starve who was there", newcomers_do_not_starve_who_was_there},
      {"higher priorities go first", higher_priorities_go_first},
      {"shares are equal, whatever the pieces cost", shares_are_equal_whatever_the_pieces_cost},
      {"a task that leaves is gone", a_task_that_leaves_is_gone},
      {"what is taken ahead is paid", what_is_taken_ahead_is_paid},
      {"what was taken ahead is not left", what_was_taken_ahead_is_not_left},
      {"nobody overtakes at the door", nobody_overtakes_at_the_door},
      {"a request larger than the bound comes in alone",
       a_request_larger_than_the_bound_comes_in_alone},
      {"bounds hold", bounds_hold},
      {"a queue may refuse", a_queue_may_refuse},
      {"a huge request delays small ones by a batch", a_huge_request_delays_small_ones_by_a_batch},
      {"a late call is refused", a_late_call_is_refused},
      {"a deadline passes while it waits", a_deadline_passes_while_it_waits},
      {"what is late never starts", what_is_late_never_starts},
      {"what runs is asked to stop", what_runs_is_asked_to_stop},
      {"a failing batch stops its siblings", a_failing_batch_stops_its_siblings},
      {"everything at once", everything_at_once},
      {"a full queue lets wait", a_full_queue_lets_wait},
      {"a full queue refuses", a_full_queue_refuses},
      {"closing fails who waits at the door", closing_fails_who_waits_at_the_door},
  });
}
