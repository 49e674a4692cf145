// Rows that need not be run: equal ones of a request, and those that the cache knows.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <vector>

#include "core/row_key.h"
#include "engine/engine.h"
#include "engine/score_cache.h"
#include "tests/check.h"
#include "tests/fake_model.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;

constexpr std::size_t kMany = 1'000'000;

// `openssl mac -macopt hexkey:000102030405060708090a0b0c0d0e0f -macopt size:16 SIPHASH` of the message
// that row_key.cc describes.
void keys_are_siphash() {
  constexpr RowSecret kSecret{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  const auto key = [&](const Ids& query, const Ids& document) {
    return row_key(kSecret, {query, document});
  };
  const auto check = [](const RowKey& found, const RowKey& expected) {
    CHECK_EQ(found.low, expected.low);
    CHECK_EQ(found.high, expected.high);
  };
  check(key({}, {}), {0x96f2e6ef68ab93c2, 0x1d8057629da492bd});
  check(key({11, 12}, {21}), {0xb67fce42a69fd998, 0xa0523267572a4d28});
  check(key({11}, {21, 22}), {0x83b101dfb385dc1f, 0x22bbe6346cdc9a20});
  check(key({11}, {21, 22, 23}), {0x9df239f2cb2ee073, 0x481dd1aec02973d3});
  check(key({-1}, {std::numeric_limits<std::int32_t>::max()}),
        {0x235b1a678e2ff83a, 0xfbe9266a1b5d48eb});
}

void secrets_differ() {
  const Ids ids = {21, 22};
  const auto key = [&] { return row_key(RowSecret::random(), {ids, ids}); };
  CHECK_EQ(key() == key(), false);
}

void the_first_of_equals_stands_for_all() {
  const RowKey a{1, 2};
  const RowKey b{1, 3};  // the same bucket
  const RowKey c{2, 2};
  CHECK_EQ(first_equal(std::vector{a, b, a, c, b, b}), {0, 1, 0, 3, 1, 1});
  CHECK_EQ(first_equal({}), {});
}

RowKey key(std::uint64_t number) { return {number, ~number}; }

std::vector<std::optional<float>> found(ScoreCache& cache, const std::vector<RowKey>& keys) {
  return cache.find(keys);
}

void the_least_recently_used_goes_first() {
  ScoreCache cache(2);
  cache.add(std::vector{key(1), key(2)}, Logits{0.1F, 0.2F});
  CHECK_EQ(found(cache, {key(1)})[0].value_or(-1), 0.1F);  // so 2 is the oldest
  cache.add(std::vector{key(3)}, Logits{0.3F});
  CHECK_EQ(found(cache, {key(2)})[0].has_value(), false);
  cache.add(std::vector{key(1)}, Logits{9});  // what is there stays, and is the newest
  cache.add(std::vector{key(4)}, Logits{0.4F});
  CHECK_EQ(found(cache, {key(1)})[0].value_or(-1), 0.1F);
  CHECK_EQ(found(cache, {key(3)})[0].has_value(), false);
  CHECK_EQ(found(cache, {key(4)})[0].value_or(-1), 0.4F);
  CHECK_EQ(cache.size(), 2);
}

void a_cache_of_nothing_keeps_nothing() {
  ScoreCache cache(0);
  cache.add(std::vector{key(1)}, Logits{0.1F});
  CHECK_EQ(found(cache, {key(1)})[0].has_value(), false);
  CHECK_EQ(cache.size(), 0);
  CHECK_EQ(cache.keeps_any(), false);
}

void nan_is_no_answer() {
  ScoreCache cache(9);
  cache.add(std::vector{key(1)}, Logits{std::numeric_limits<float>::quiet_NaN()});
  CHECK_EQ(cache.size(), 0);
}

// Like the documents of a request that has some more than once.
Question repetitive_question(std::mt19937& random) {
  Question question = random_question(random);
  std::vector<Ids> documents;
  const Encoded given = question.documents.view();
  for (std::size_t i = 0; i < 2 * given.size(); ++i) {
    const auto ids = given[random() % given.size()];
    documents.emplace_back(ids.begin(), ids.end());
  }
  question.documents = Texts(documents);
  question.query_of.assign(documents.size(), 0);
  return question;
}

// Counts the rows that it is given.
RunBatch counting(std::atomic<std::int64_t>& rows) {
  return [&rows](const PackedBatch& batch, std::span<float> logits, const std::stop_token& stop) {
    rows += batch.rows;
    fake_model(batch, logits, stop);
  };
}

void equal_rows_are_run_once() {
  std::atomic<std::int64_t> rows{0};
  Engine engine(counting(rows), bert(), kFourWorkers);
  const Question question({11}, {{21}, {22}, {21}, {}, {21, 22}, {}, {21}});
  CHECK_EQ(ask(engine, question), serial(question));
  CHECK_EQ(rows.load(), 4);
  CHECK_EQ(engine.counters().rows.load(), 4);
  CHECK_EQ(engine.counters().repeats.load(), 3);
  ask(engine, question);
  CHECK_EQ(rows.load(), 8);  // nothing is kept from call to call
  CHECK_EQ(engine.cached_rows(), 0);
}

void what_was_cut_to_be_equal_is_equal() {
  std::atomic<std::int64_t> rows{0};
  Engine engine(counting(rows), bert(), kFourWorkers);
  const Question cut({11}, {{21, 22, 23}, {21, 22}, {21, 22, 24, 25}}, {.row_tokens = 6});
  CHECK_EQ(ask(engine, cut), serial(cut));
  CHECK_EQ(rows.load(), 1);
  const Question windows({11}, {Ids(7, 21), Ids(4, 21)}, {.row_tokens = 6, .max_chunks = 9});
  CHECK_EQ(ask(engine, windows), serial(windows));
  CHECK_EQ(rows.load(), 3);  // windows of 2 2 2 1 and 2 2 tokens
  CHECK_EQ(engine.counters().repeats.load(), 2 + 4);
}

void queries_count() {
  std::atomic<std::int64_t> rows{0};
  Engine engine(counting(rows), bert(), kFourWorkers);
  Question question({11}, {{21}, {21}, {21}});
  question.queries = Texts({{11}, {12}, {11}});
  question.query_of = {0, 1, 2};
  const Logits logits = ask(engine, question);
  CHECK_EQ(rows.load(), 2);
  CHECK_EQ(logits[0] == logits[1], false);
  CHECK_EQ(logits[0], logits[2]);
  const Question border({11, 21}, {{21}, {}});  // not the query 11 and the document 21 21
  CHECK_EQ(ask(engine, border), serial(border));
}

void repeats_take_no_room() {
  Gate gate;
  Engine engine(behind(gate), bert(), {.max_batch_rows = 1}, {.rows = 2, .refuse = true});
  const Question question({11}, std::vector<Ids>(50, {21}));
  const auto first = engine.submit(question.view());
  gate.await(1);
  const auto second = engine.submit(question.view());
  CHECK_EQ(engine.depth().rows, 1);
  const auto third = engine.submit(question.view());
  CHECK_EQ(engine.depth().rows, 2);
  CHECK_EQ(
      thrown<ResourceExhausted>([&] { engine.submit(question.view()); }) != "nothing was thrown",
      true);
  gate.open();
  for (const auto& job : {first, second, third}) CHECK_EQ(logits_of(*job), serial(question));
}

void nan_names_the_first_of_equals() {
  Engine engine(fake_model, bert(), {}, {}, {.cache_rows = kMany});
  const Question question({11}, {{21}, {kNoNumber}, {22}, {kNoNumber}});
  for (int i = 0; i < 2; ++i)
    CHECK_EQ(
        thrown<Error>([&] { ask(engine, question); }),
        "the model gave NaN for the document at index 1; check its weights, or a precision that "
        "overflows");
  CHECK_EQ(engine.cached_rows(), 2);
}

void known_rows_are_not_run_again() {
  std::atomic<std::int64_t> rows{0};
  Engine engine(counting(rows), bert(), kFourWorkers, {}, {.cache_rows = kMany});
  const Question question({11}, {{21}, {22}, {21}});
  const Question larger({11}, {{23}, {22}, {22}, {21, 21}});
  CHECK_EQ(ask(engine, question), serial(question));
  CHECK_EQ(ask(engine, question), serial(question));
  CHECK_EQ(rows.load(), 2);
  CHECK_EQ(ask(engine, larger), serial(larger));
  CHECK_EQ(rows.load(), 4);
  CHECK_EQ(engine.counters().cache_hits.load(), 3);
  CHECK_EQ(engine.counters().repeats.load(), 3);
  CHECK_EQ(engine.counters().requests.load(), 3);
  CHECK_EQ(engine.cached_rows(), 4);
}

void a_known_request_waits_for_nobody() {
  Gate gate;
  std::atomic<bool> closed{false};
  Engine engine(
      [&](const PackedBatch& batch, std::span<float> logits, const std::stop_token& stop) {
        if (closed) gate.pass();
        fake_model(batch, logits, stop);
      },
      bert(), {}, {.rows = 1, .refuse = true}, {.cache_rows = kMany});
  const Question question({11}, {{21}, {22}});
  const Question other({11}, {{23}});
  CHECK_EQ(ask(engine, question), serial(question));
  closed = true;
  const auto runs = engine.submit(other.view());
  gate.await(1);
  const auto waits = engine.submit(other.view());
  CHECK_EQ(ask(engine, question), serial(question));  // no worker is free, and the queue is full
  engine.check_room();
  CHECK_EQ(
      fault([&] { engine.submit(question.view(), {.deadline = Clock::now(), .timeout = 0.1}); }),
      "kDeadline");
  std::stop_source source;
  source.request_stop();
  CHECK_EQ(fault([&] { engine.submit(question.view(), {.cancelled = source.get_token()}); }),
           "kCancelled");
  gate.open();
  CHECK_EQ(logits_of(*runs), serial(other));
  CHECK_EQ(logits_of(*waits), serial(other));
  engine.close();
  CHECK_EQ(fault([&] { engine.submit(question.view()); }), "kClosed");
}

void what_a_stopped_request_ran_is_known() {
  Gate gate;
  Engine engine(behind(gate), bert(), {.max_batch_rows = 1}, {}, {.cache_rows = kMany});
  const Question question({11}, {{21}, {22}, {23}});
  const auto job = engine.submit(question.view());
  gate.await(1);
  engine.cancel(*job, std::make_exception_ptr(std::runtime_error("changed my mind")));
  gate.open();
  job->wait();
  CHECK_EQ(engine.cached_rows(), 1);
  CHECK_EQ(ask(engine, question), serial(question));
  CHECK_EQ(engine.counters().rows.load(), 3);
}

void a_failed_batch_is_not_known() {
  Engine engine(fake_model, bert(), {}, {}, {.cache_rows = kMany});
  const Question question({11}, {{kPoison}, {21}});
  for (int i = 0; i < 2; ++i)
    CHECK_EQ(thrown<std::runtime_error>([&] { ask(engine, question); }), "poisoned");
  CHECK_EQ(engine.cached_rows(), 0);
}

void many_callers_share_a_cache() {
  for (const std::size_t cache_rows : {std::size_t{0}, std::size_t{1}, std::size_t{20}, kMany}) {
    std::atomic<std::int64_t> rows{0};
    Engine engine(counting(rows), bert(), kFourWorkers, {}, {.cache_rows = cache_rows});
    on_threads(8, [&](int thread) {
      std::mt19937 random(static_cast<unsigned>(thread % 2));  // so that questions recur
      for (int i = 0; i < 150; ++i) {
        const Question question = repetitive_question(random);
        CHECK_EQ(ask(engine, question), serial(question));
        CHECK_EQ(engine.cached_rows() <= cache_rows, true);
      }
    });
    const Counters& sums = engine.counters();
    CHECK_EQ(sums.rows.load(), rows.load());
    CHECK_EQ(sums.repeats.load() > 0, true);
    if (cache_rows == 0) CHECK_EQ(sums.cache_hits.load(), 0);
    if (cache_rows == kMany) CHECK_EQ(sums.cache_hits.load() > 0, true);
  }
}

}  // namespace

int main() {
  return run_all({
      {"keys are SipHash", keys_are_siphash},
      {"secrets differ", secrets_differ},
      {"the first of equals stands for all", the_first_of_equals_stands_for_all},
      {"the least recently used goes first", the_least_recently_used_goes_first},
      {"a cache of nothing keeps nothing", a_cache_of_nothing_keeps_nothing},
      {"NaN is no answer", nan_is_no_answer},
      {"equal rows are run once", equal_rows_are_run_once},
      {"what was cut to be equal is equal", what_was_cut_to_be_equal_is_equal},
      {"queries count", queries_count},
      {"repeats take no room", repeats_take_no_room},
      {"NaN names the first of equals", nan_names_the_first_of_equals},
      {"known rows are not run again", known_rows_are_not_run_again},
      {"a known request waits for nobody", a_known_request_waits_for_nobody},
      {"what a stopped request ran is known", what_a_stopped_request_ran_is_known},
      {"a failed batch is not known", a_failed_batch_is_not_known},
      {"many callers share a cache", many_callers_share_a_cache},
  });
}
