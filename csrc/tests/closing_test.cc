// Cancelling, closing and forking at any moment: nobody waits forever, nobody gets a wrong score.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/pack.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "tests/check.h"
#include "tests/fake_model.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;
using namespace std::chrono_literals;

#ifdef __SANITIZE_THREAD__
constexpr bool kThreadSanitizer = true;
#elif defined(__has_feature)
constexpr bool kThreadSanitizer = __has_feature(thread_sanitizer);
#else
constexpr bool kThreadSanitizer = false;
#endif

std::string_view closed_or_scores(Engine& engine, const Question& question) {
  return fault([&] { CHECK_EQ(ask(engine, question), serial(question)); });
}

std::exception_ptr changed_mind() {
  return std::make_exception_ptr(std::runtime_error("changed my mind"));
}

void cancelled_while_it_waits() {
  Gate gate;
  Engine engine(behind(gate), bert(), {});
  const Question question({11}, {{21}});
  const auto runs = engine.submit(question.view());
  gate.await(1);
  const auto waits = engine.submit(question.view());
  engine.cancel(*waits, changed_mind());
  CHECK_EQ(waits->wait_for(0ms), true);
  CHECK_EQ(thrown<std::runtime_error>([&] { waits->result(); }), "changed my mind");
  gate.open();
  CHECK_EQ(logits_of(*runs), serial(question));
  CHECK_EQ(ask(engine, question), serial(question));
  CHECK_EQ(engine.counters().batches.load(), 2);
}

void cancelled_while_it_runs() {
  Gate gate;
  Engine engine(behind(gate), bert(), {.max_batch_rows = 1});
  const Question question({11}, {{21}, {22}, {23}});
  const auto job = engine.submit(question.view());
  gate.await(1);
  engine.cancel(*job, changed_mind());
  engine.cancel(*job, std::make_exception_ptr(std::runtime_error("the first reason stays")));
  CHECK_EQ(job->wait_for(20ms), false);  // what runs still reads what the request borrowed
  gate.open();
  CHECK_EQ(thrown<std::runtime_error>([&] { logits_of(*job); }), "changed my mind");
  CHECK_EQ(ask(engine, Question({11}, {{21}})).size(), 1);
  CHECK_EQ(engine.counters().batches.load(), 2);  // the second and third never ran
}

void cancelled_too_late() {
  Engine engine(fake_model, bert(), {});
  const Question question({11}, {{21}});
  const auto job = engine.submit(question.view());
  job->wait();
  engine.cancel(*job, changed_mind());
  CHECK_EQ(logits_of(*job), serial(question));
}

void cancelled_at_any_moment() {
  Engine engine(fake_model, bert(), kFourWorkers);
  on_threads(4, [&](int thread) {
    std::mt19937 random(static_cast<unsigned>(200 + thread));
    for (int i = 0; i < 200; ++i) {
      const Question question = random_question(random);
      const auto job = engine.submit(question.view());
      const std::jthread other([&] { engine.cancel(*job, changed_mind()); });
      const std::string problem =
          thrown<std::runtime_error>([&] { CHECK_EQ(logits_of(*job), serial(question)); });
      CHECK_EQ(problem == "changed my mind" || problem == "nothing was thrown", true);
    }
  });
}

void closing_ends_what_runs_and_fails_what_waits() {
  Gate gate;
  Engine engine(behind(gate), bert(), {.max_batch_rows = 1});
  const Question one({11}, {{21}});
  const Question two({11}, {{21}, {22}});
  const auto last_batch_runs = engine.submit(one.view());
  gate.await(1);
  const auto waits = engine.submit(two.view());
  std::atomic<int> num_closed{0};
  {
    std::vector<std::jthread> closers;
    for (int i = 0; i < 4; ++i)
      closers.emplace_back([&] {
        engine.close();
        ++num_closed;
      });
    CHECK_EQ(fault([&] { logits_of(*waits); }), "kClosed");  // at once, not after what runs
    CHECK_EQ(num_closed.load(), 0);
    CHECK_EQ(last_batch_runs->wait_for(0ms), false);
    gate.open();
  }
  CHECK_EQ(num_closed.load(), 4);
  CHECK_EQ(last_batch_runs->wait_for(0ms), true);
  CHECK_EQ(logits_of(*last_batch_runs), serial(one));
  CHECK_EQ(engine.counters().batches.load(), 1);
}

void closing_stops_a_request_between_its_batches() {
  Gate gate;
  Engine engine(behind(gate), bert(), {.max_batch_rows = 1});
  const Question two({11}, {{21}, {22}});
  const auto job = engine.submit(two.view());
  gate.await(1);
  const std::jthread closer([&] { engine.close(); });
  while (fault([&] { engine.check(); }) != "kClosed") std::this_thread::yield();
  gate.open();
  CHECK_EQ(fault([&] { logits_of(*job); }), "kClosed");
}

void closed_is_closed() {
  Engine engine(fake_model, bert(), kFourWorkers);
  engine.close();
  engine.close();
  const Question question({11}, {{21}});
  CHECK_EQ(fault([&] { engine.submit(question.view()); }), "kClosed");
  CHECK_EQ(fault([&] { engine.check(); }), "kClosed");
  CHECK_EQ(thrown<Error>([&] { engine.check(); }), "the reranker is closed");
}

void closed_at_any_moment() {
  for (unsigned seed = 0; seed < 50; ++seed) {
    Engine engine(fake_model, bert(), kFourWorkers);
    std::atomic<int> num_closed{0};
    on_threads(6, [&](int thread) {
      std::mt19937 random(seed * 10 + static_cast<unsigned>(thread));
      if (thread >= 4) {
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
        engine.close();
        return;
      }
      const Question question = random_question(random);
      while (closed_or_scores(engine, question) != "kClosed") {
      }
      ++num_closed;
    });
    CHECK_EQ(num_closed.load(), 4);
  }
}

void closed_while_others_submit() {
  std::vector<Ids> documents;
  for (std::int32_t id = 21; id < 71; ++id) documents.push_back({id});
  const Question question({11}, documents);
  for (unsigned seed = 0; seed < 50; ++seed) {
    Engine engine(fake_model, bert(), kFourWorkers);
    on_threads(4, [&](int thread) {
      if (thread == 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(std::mt19937(seed)() % 1000));
        engine.close();
        return;
      }
      std::vector<std::shared_ptr<Job>> jobs;
      CHECK_EQ(fault([&] {
                 while (true) jobs.push_back(engine.submit(question.view()));
               }),
               "kClosed");
      // What was let in before the door closed has ended, or will.
      for (const auto& job : jobs) fault([&] { CHECK_EQ(logits_of(*job), serial(question)); });
    });
  }
}

void a_job_outlives_its_engine() {
  const Question question({11}, {{21}});
  std::shared_ptr<Job> job;
  {
    Engine engine(fake_model, bert(), kFourWorkers);
    job = engine.submit(question.view());
  }
  CHECK_EQ(job->wait_for(0ms), true);
  const std::string_view found = fault([&] { CHECK_EQ(job->result().logits, serial(question)); });
  CHECK_EQ(found == "kClosed" || found == "nothing was thrown", true);
}

// True when `body` gives true in a forked child that ends in time.
template <class Body>
bool in_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool is_left_behind(std::unique_ptr<Engine>& engine, const Question& question) {
  const bool refuses = fault([&] { engine->submit(question.view()); }) == "kClosed" &&
                       fault([&] { engine->check(); }) == "kClosed";
  engine->close();
  engine.reset();
  Engine own(fake_model, bert(), kFourWorkers);
  return refuses && ask(own, question) == serial(question);
}

void a_forked_child_leaves_the_engine_behind() {
  if constexpr (kThreadSanitizer) {
    std::cout << "  skipped: ThreadSanitizer does not follow a fork of many threads\n";
    return;
  }
  const Question question({11}, {{21}, {22}});
  Gate gate;
  auto idle = std::make_unique<Engine>(fake_model, bert(), kFourWorkers);
  auto busy = std::make_unique<Engine>(behind(gate), bert(), PlanLimits{});
  const auto job = busy->submit(question.view());
  gate.await(1);
  CHECK_EQ(in_child([&] { return is_left_behind(idle, question); }), true);
  CHECK_EQ(in_child([&] { return is_left_behind(busy, question); }), true);
  gate.open();
  CHECK_EQ(logits_of(*job), serial(question));  // the parent's engines never noticed
  CHECK_EQ(ask(*idle, question), serial(question));
}

}  // namespace

int main() {
  return run_all({
      {"cancelled while it waits", cancelled_while_it_waits},
      {"cancelled while it runs", cancelled_while_it_runs},
      {"cancelled too late", cancelled_too_late},
      {"cancelled at any moment", cancelled_at_any_moment},
      {"closing ends what runs and fails what waits", closing_ends_what_runs_and_fails_what_waits},
      {"closing stops a request between its batches", closing_stops_a_request_between_its_batches},
      {"closed is closed", closed_is_closed},
      {"closed at any moment", closed_at_any_moment},
      {"closed while others submit", closed_while_others_submit},
      {"a job outlives its engine", a_job_outlives_its_engine},
      {"a forked child leaves the engine behind", a_forked_child_leaves_the_engine_behind},
  });
}
