// Literal tables: what each function of csrc/core gives for inputs small enough to work out by hand.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/batch_plan.h"
#include "core/encoded.h"
#include "core/error.h"
#include "core/pack.h"
#include "core/pair.h"
#include "core/ranking.h"
#include "tests/check.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;

using Ints = std::vector<std::int64_t>;
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

void offsets_are_checked() {
  const Ids ids = {5, 6, 7};
  const auto problem = [&](const Ints& offsets) {
    return thrown<std::invalid_argument>([&] { Encoded{ids, offsets}.validate(); });
  };
  CHECK_EQ(problem({0, 3}), "nothing was thrown");
  CHECK_EQ(problem({0, 0, 2, 2, 3}), "nothing was thrown");
  CHECK_EQ(problem({}), "offsets must start with 0");
  CHECK_EQ(problem({1, 3}), "offsets must start with 0");
  CHECK_EQ(problem({0, 2, 1, 3}), "offsets must never fall, but offsets[2] does");
  CHECK_EQ(problem({0, -1, 3}), "offsets must never fall, but offsets[1] does");
  CHECK_EQ(problem({0}), "offsets must end at the number of ids, 3, not 0");
  CHECK_EQ(problem({0, 4}), "offsets must end at the number of ids, 3, not 4");
  CHECK_EQ(problem({0, kMax}), "offsets must end at the number of ids, 3, not 9223372036854775807");
}

void texts_are_slices() {
  const Texts texts({{5}, {}, {6, 7}});
  const Encoded view = texts.view();
  CHECK_EQ(view.size(), 3);
  CHECK_EQ(Ids(view[0].begin(), view[0].end()), {5});
  CHECK_EQ(view[1].size(), 0);
  CHECK_EQ(Ids(view[2].begin(), view[2].end()), {6, 7});
  CHECK_EQ(Texts({}).view().size(), 0);
}

void templates_hold_both_texts_once() {
  using enum PairPiece::Kind;
  const PairTemplate layout({{kDocument, 0, 3}, {kSpecial, 9, 4}, {kQuery, 0, 5}});
  CHECK_EQ(layout.num_special(), 1);
  Ints ids(4);
  Ints types(4);
  const Ids query = {11};
  const Ids document = {21, 22};
  layout.write(query, document, ids.data(), types.data());
  CHECK_EQ(ids, {21, 22, 9, 11});
  CHECK_EQ(types, {3, 3, 4, 5});
  layout.write(document, query, ids.data(), nullptr);
  CHECK_EQ(ids, {11, 9, 21, 22});

  const char* const message = "a pair template holds the query once and the document once";
  const auto problem = [](const std::vector<PairPiece>& pieces) {
    return thrown<std::invalid_argument>([&] { const PairTemplate made(pieces); });
  };
  CHECK_EQ(problem({}), message);
  CHECK_EQ(problem({{kQuery, 0, 0}, {kSpecial, 1, 0}}), message);
  CHECK_EQ(problem({{kQuery, 0, 0}, {kQuery, 0, 0}, {kDocument, 0, 0}}), message);
}

// Rows as {pair, query_tokens, document_begin, document_tokens}, for one query.
std::vector<Ints> slices(const PairedRows& paired) {
  std::vector<Ints> found;
  for (const Row& row : paired.rows)
    found.push_back({row.pair, row.query_tokens, row.document_begin, row.document_tokens});
  return found;
}

PairedRows paired(const Ids& query, const std::vector<Ids>& documents, const PairLimits& limits) {
  const Texts queries({query});
  const Texts texts(documents);
  const Ints query_of(documents.size(), 0);
  return pair_rows(bert(), queries.view(), texts.view(), query_of, limits);
}

void end_cuts_the_document_first_and_the_query_last() {
  struct Case {
    std::int64_t row_tokens;
    Ints slice;
    std::int64_t tokens;
    bool truncated;
  };
  const std::vector<Case> cases = {
      {9, {0, 2, 0, 4}, 9, false},  // just fits
      {8, {0, 2, 0, 3}, 8, true},     {6, {0, 2, 0, 1}, 6, true},
      {5, {0, 2, 0, 0}, 5, true},  // the query fills the limit alone
      {4, {0, 1, 0, 0}, 4, true},  // only now it is cut
      {kMax, {0, 2, 0, 4}, 9, false},
  };
  for (const Case& expected : cases) {
    const PairedRows found =
        paired({11, 12}, {{21, 22, 23, 24}}, {.row_tokens = expected.row_tokens});
    CHECK_EQ(slices(found), {expected.slice});
    CHECK_EQ(found.row_tokens, {expected.tokens});
    CHECK_EQ(found.tokens_run, {expected.tokens});
    CHECK_EQ(found.truncated, {expected.truncated});
  }
}

void none_names_every_offender() {
  const std::vector<Ids> documents = {{21}, Ids(5), {}, Ids(9)};
  const auto offenders = [&](const PairLimits& limits) {
    std::vector<Ints> found;
    try {
      paired({11, 12}, documents, limits);
    } catch (const TokenLimitExceeded& error) {
      for (const auto& one : error.offenders())
        found.push_back({one.document, one.tokens, one.limit});
    }
    return found;
  };
  constexpr auto kNone = Truncate::kNone;
  CHECK_EQ(offenders({.row_tokens = 8, .truncate = kNone}), {{1, 10, 8}, {3, 14, 8}});
  CHECK_EQ(offenders({.row_tokens = 14, .truncate = kNone}), {});
  // Two windows of 3 tokens: the limit is what all windows of a pair hold together.
  CHECK_EQ(offenders({.row_tokens = 8, .max_chunks = 2, .truncate = kNone}), {{3, 14, 11}});
  CHECK_EQ(offenders({.row_tokens = 8, .pair_tokens = 9, .max_chunks = 9, .truncate = kNone}),
           {{1, 10, 9}, {3, 14, 9}});
  CHECK_EQ(offenders({.row_tokens = 4, .truncate = kNone}),
           {{0, 6, 4}, {1, 10, 4}, {2, 5, 4}, {3, 14, 4}});
  // A document is cut to doc_tokens before anybody looks at the limit.
  CHECK_EQ(offenders({.row_tokens = 8, .doc_tokens = 3, .truncate = kNone}), {});
  CHECK_EQ(offenders({.row_tokens = 8, .doc_tokens = 4, .truncate = kNone}),
           {{1, 9, 8}, {3, 9, 8}});
}

void doc_tokens_cut_and_say_so() {
  const PairedRows found = paired({11}, {Ids(9), Ids(2), {}}, {.row_tokens = 99, .doc_tokens = 2});
  CHECK_EQ(slices(found), {{0, 1, 0, 2}, {1, 1, 0, 2}, {2, 1, 0, 0}});
  CHECK_EQ(found.truncated, {true, false, false});
  CHECK_EQ(slices(paired({11}, {Ids(9)}, {.row_tokens = 99, .doc_tokens = 0})), {{0, 1, 0, 0}});
}

void windows_are_consecutive_and_fit_beside_the_query() {
  const std::vector<Ids> documents = {Ids(5), {}, Ids(2)};
  PairedRows found = paired({11}, documents, {.row_tokens = 6, .max_chunks = 3});
  CHECK_EQ(slices(found), {{0, 1, 0, 2}, {0, 1, 2, 2}, {0, 1, 4, 1}, {1, 1, 0, 0}, {2, 1, 0, 2}});
  CHECK_EQ(found.row_tokens, {6, 6, 5, 4, 6});
  CHECK_EQ(found.tokens_run, {17, 4, 6});
  CHECK_EQ(found.truncated, {false, false, false});

  found = paired({11}, documents, {.row_tokens = 6, .max_chunks = 2});
  CHECK_EQ(slices(found), {{0, 1, 0, 2}, {0, 1, 2, 2}, {1, 1, 0, 0}, {2, 1, 0, 2}});
  CHECK_EQ(found.truncated, {true, false, false});

  found = paired({11}, documents, {.row_tokens = 6, .pair_tokens = 7, .max_chunks = 9});
  CHECK_EQ(slices(found), {{0, 1, 0, 2}, {0, 1, 2, 1}, {1, 1, 0, 0}, {2, 1, 0, 2}});
  CHECK_EQ(found.truncated, {true, false, false});

  // A query that fills the row leaves no window, not endlessly many empty ones.
  found = paired({11, 12, 13}, {Ids(2)}, {.row_tokens = 6, .max_chunks = 5});
  CHECK_EQ(slices(found), {{0, 3, 0, 0}});
  CHECK_EQ(found.truncated, {true});

  // The room of all windows together does not overflow.
  found =
      paired({11}, {Ids(3)}, {.row_tokens = 6, .max_chunks = kMax, .truncate = Truncate::kNone});
  CHECK_EQ(slices(found), {{0, 1, 0, 2}, {0, 1, 2, 1}});
  found = paired({11}, {Ids(3)}, {.row_tokens = kMax, .max_chunks = kMax});
  CHECK_EQ(slices(found), {{0, 1, 0, 3}});
}

void a_document_has_room_for_what_pairs_can_tell_apart() {
  const PairTemplate layout = bert();  // three special tokens
  const auto room = [&](std::int64_t query, PairLimits limits) {
    return document_room(layout, query, limits);
  };
  CHECK_EQ(room(4, {.row_tokens = 12}), 6);  // five tokens, and one more says that it is cut
  CHECK_EQ(room(40, {.row_tokens = 12}), 1);
  CHECK_EQ(room(4, {.row_tokens = 12, .max_chunks = 3}), 16);
  CHECK_EQ(room(4, {.row_tokens = 12, .pair_tokens = 10}), 4);
  CHECK_EQ(room(4, {.row_tokens = 12, .doc_tokens = 2}), 3);
  CHECK_EQ(room(4, {.row_tokens = 12, .truncate = Truncate::kNone}), kMax);
  CHECK_EQ(room(4, {.row_tokens = 12, .max_chunks = kMax}), kMax - 6);
}

void broken_pairs_are_refused() {
  const Texts queries({{11}, {12}});
  const Texts documents({{21}, {22}});
  const auto problem = [&](const Ints& query_of, const PairLimits& limits) {
    return thrown<std::invalid_argument>(
        [&] { pair_rows(bert(), queries.view(), documents.view(), query_of, limits); });
  };
  const PairLimits roomy{.row_tokens = 9};
  CHECK_EQ(problem({1, 0}, roomy), "nothing was thrown");
  CHECK_EQ(problem({0}, roomy), "query_of must have one entry per document");
  CHECK_EQ(problem({0, 0, 0}, roomy), "query_of must have one entry per document");
  CHECK_EQ(problem({0, 2}, roomy), "query_of[1] is out of range");
  CHECK_EQ(problem({-1, 0}, roomy), "query_of[0] is out of range");
  const std::string no_room = "a pair needs room for 3 special tokens and one more, the limit is ";
  CHECK_EQ(problem({0, 0}, {.row_tokens = 3}), no_room + "3");
  CHECK_EQ(problem({0, 0}, {.row_tokens = 9, .pair_tokens = -5}), no_room + "-5");
  const char* const low = "max_chunks must be at least 1 and doc_tokens at least 0";
  CHECK_EQ(problem({0, 0}, {.row_tokens = 9, .max_chunks = 0}), low);
  CHECK_EQ(problem({0, 0}, {.row_tokens = 9, .doc_tokens = -1}), low);
}

void plans() {
  struct Case {
    Ints lengths;
    PlanLimits limits;
    Ints order;
    std::vector<Ints> batches;  // {begin, rows, width}
  };
  const std::vector<Case> cases = {
      {{}, {}, {}, {}},
      {{5}, {}, {0}, {{0, 1, 5}}},
      // Widest first, equal widths in input order, never two widths in one batch.
      {{4, 6, 4, 6, 4}, {}, {1, 3, 0, 2, 4}, {{0, 2, 6}, {2, 3, 4}}},
      {{4, 4, 4, 4}, {.max_batch_tokens = 12}, {0, 1, 2, 3}, {{0, 3, 4}, {3, 1, 4}}},
      {{4, 4, 4, 4}, {.max_batch_tokens = 11}, {0, 1, 2, 3}, {{0, 2, 4}, {2, 2, 4}}},
      // A sum of lengths that does not fit is no budget problem.
      {Ints(3, std::int64_t{1} << 62),
       {},
       {0, 1, 2},
       {{0, 1, std::int64_t{1} << 62},
        {1, 1, std::int64_t{1} << 62},
        {2, 1, std::int64_t{1} << 62}}},
      // A row over the budget is a batch of its own.
      {{40, 2, 40}, {.max_batch_tokens = 12}, {0, 2, 1}, {{0, 1, 40}, {1, 1, 40}, {2, 1, 2}}},
      {{4, 4, 4}, {.max_batch_rows = 2}, {0, 1, 2}, {{0, 2, 4}, {2, 1, 4}}},
      // Widths are rounded up, but not past what the model can take.
      {{3, 5, 7}, {.width_multiple = 4}, {1, 2, 0}, {{0, 2, 8}, {2, 1, 4}}},
      {{9, 10}, {.width_multiple = 8, .max_width = 10}, {0, 1}, {{0, 2, 10}}},
      {{9, 17}, {.width_multiple = kMax, .max_width = 32}, {0, 1}, {{0, 2, 32}}},
      // A small request is shared out: 12 tokens between 2, then between 9.
      {{3, 3, 3, 3}, {.workers = 2}, {0, 1, 2, 3}, {{0, 2, 3}, {2, 2, 3}}},
      {{3, 3}, {.workers = 9}, {0, 1}, {{0, 1, 3}, {1, 1, 3}}},
      // The share is rounded up: 15 tokens between 2 are 8, not 7.
      {{4, 4, 4, 3}, {.workers = 2}, {0, 1, 2, 3}, {{0, 2, 4}, {2, 1, 4}, {3, 1, 3}}},
      // Without padding a batch holds rows of all widths.
      {{4, 6, 4, 2}, {.max_batch_tokens = 12, .packs = true}, {1, 0, 2, 3}, {{0, 2, 6}, {2, 2, 4}}},
      {{4, 40, 4}, {.max_batch_tokens = 12, .packs = true}, {1, 0, 2}, {{0, 1, 40}, {1, 2, 4}}},
      // A large one is not: the budget is smaller than the share.
      {{3, 3, 3, 3},
       {.max_batch_tokens = 3, .workers = 2},
       {0, 1, 2, 3},
       {{0, 1, 3}, {1, 1, 3}, {2, 1, 3}, {3, 1, 3}}},
  };
  for (const Case& expected : cases) {
    const BatchPlan plan = plan_batches(expected.lengths, expected.limits);
    std::vector<Ints> batches;
    for (const Batch& batch : plan.batches)
      batches.push_back({batch.begin, batch.rows, batch.width});
    CHECK_EQ(plan.order, expected.order);
    CHECK_EQ(batches, expected.batches);
  }
}

void equal_widths_keep_input_order() {
  Ints lengths;
  for (int i = 0; i < 100; ++i) lengths.push_back(i % 2 == 0 ? 3 : 4);
  const Ints order = plan_batches(lengths, {}).order;
  for (std::size_t i = 0; i < 50; ++i) {
    CHECK_EQ(order[i], static_cast<std::int64_t>(2 * i + 1));
    CHECK_EQ(order[50 + i], static_cast<std::int64_t>(2 * i));
  }
}

void impossible_plans_are_refused() {
  const auto problem = [](const Ints& lengths, const PlanLimits& limits) {
    return thrown<std::invalid_argument>([&] { plan_batches(lengths, limits); });
  };
  const char* const low = "every limit of a plan must be at least 1";
  CHECK_EQ(problem({4}, {.max_batch_tokens = 0}), low);
  CHECK_EQ(problem({4}, {.max_batch_rows = 0}), low);
  CHECK_EQ(problem({4}, {.width_multiple = 0}), low);
  CHECK_EQ(problem({4}, {.max_width = 0}), low);
  CHECK_EQ(problem({4}, {.workers = 0}), low);
  const PlanLimits narrow{.max_width = 8};
  CHECK_EQ(problem({8, 9}, narrow), "row 1 has 9 tokens, allowed are 1 to 8");
  CHECK_EQ(problem({0}, narrow), "row 0 has 0 tokens, allowed are 1 to 8");
  CHECK_EQ(problem({-1}, narrow), "row 0 has -1 tokens, allowed are 1 to 8");
}

void batches_are_packed_and_buffers_reused() {
  const Texts queries({{11}, {12, 13}});
  const Texts documents({{21, 22}, {}, {23}});
  const Ints query_of = {1, 0, 0};
  const PairedRows rows =
      pair_rows(bert(), queries.view(), documents.view(), query_of, {.row_tokens = 9});
  PackedBatch packed;
  const auto fill = [&](const Ints& order, std::int64_t width) {
    packed.begin(width);
    pack(bert(), queries.view(), documents.view(), query_of, rows, order, packed);
  };
  fill({0, 2, 1}, 8);
  CHECK_EQ(packed.rows, 3);
  CHECK_EQ(packed.width, 8);
  CHECK_EQ(packed.input_ids, {1, 12, 13, 2,  21, 22, 2, 0,  //
                              1, 11, 2,  23, 2,  0,  0, 0,  //
                              1, 11, 2,  2,  0,  0,  0, 0});
  CHECK_EQ(packed.token_type_ids, {0, 0, 0, 0, 1, 1, 1, 0,  //
                                   0, 0, 0, 1, 1, 0, 0, 0,  //
                                   0, 0, 0, 1, 0, 0, 0, 0});
  CHECK_EQ(packed.attention_mask, {1, 1, 1, 1, 1, 1, 1, 0,  //
                                   1, 1, 1, 1, 1, 0, 0, 0,  //
                                   1, 1, 1, 1, 0, 0, 0, 0});

  const std::int64_t* const before = packed.input_ids.data();
  fill({1}, 5);
  CHECK_EQ(packed.rows, 1);
  CHECK_EQ(packed.input_ids, {1, 11, 2, 2, 0});
  CHECK_EQ(packed.token_type_ids, {0, 0, 0, 1, 0});
  CHECK_EQ(packed.attention_mask, {1, 1, 1, 1, 0});
  CHECK_EQ(packed.input_ids.data() == before, true);  // nothing was allocated

  fill({0, 2, 1}, 0);  // one behind the other
  CHECK_EQ(packed.rows, 3);
  CHECK_EQ(packed.tokens(), 16);
  CHECK_EQ(packed.row_tokens, {7, 5, 4});
  CHECK_EQ(packed.input_ids, {1, 12, 13, 2, 21, 22, 2, 1, 11, 2, 23, 2, 1, 11, 2, 2});
  CHECK_EQ(packed.token_type_ids, {0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1});
  CHECK_EQ(packed.attention_mask, {});

  fill({}, 5);
  CHECK_EQ(packed.rows, 0);
  CHECK_EQ(packed.input_ids, {});
}

void sigmoid_is_stable() {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK_EQ(sigmoid(0.0), 0.5);
  CHECK_EQ(sigmoid(-0.0), 0.5);
  CHECK_EQ(sigmoid(inf), 1.0);
  CHECK_EQ(sigmoid(-inf), 0.0);
  CHECK_EQ(sigmoid(1e6), 1.0);
  CHECK_EQ(sigmoid(-1e6), 0.0);
  CHECK_EQ(sigmoid(-720.0) > 0.0, true);  // exp(720) would overflow
  CHECK_EQ(std::abs(sigmoid(std::log(3.0)) - 0.75) < 1e-15, true);
  CHECK_EQ(std::abs(sigmoid(-std::log(3.0)) - 0.25) < 1e-15, true);
  CHECK_EQ(std::isnan(sigmoid(std::nan(""))), true);
}

void ranks_are_total() {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  using Logits = std::vector<float>;
  CHECK_EQ(rank(Logits{}, 3), {});
  CHECK_EQ(rank(Logits{1, 3, 2}, 0), {});
  CHECK_EQ(rank(Logits{1, 3, 2}, 2), {1, 2});
  CHECK_EQ(rank(Logits{1, 3, 2}, kAll), {1, 2, 0});
  CHECK_EQ(rank(Logits{2, 2, 5, 2}, 3), {2, 0, 1});
  CHECK_EQ(rank(Logits{-0.0F, 0.0F, -0.0F}, 3), {0, 1, 2});
  CHECK_EQ(rank(Logits{-kInf, 1, kInf, -kInf, kInf}, 5), {2, 4, 1, 0, 3});
  CHECK_EQ(rank(Logits{40, 41, 39}, 3), {1, 0, 2});  // all have the sigmoid 1.0
  CHECK_EQ(rank(Logits(8, 7.5F), 8), {0, 1, 2, 3, 4, 5, 6, 7});
  CHECK_EQ(rank(Logits(8, 7.5F), 3), {0, 1, 2});
  CHECK_EQ(thrown<std::invalid_argument>([] { rank(Logits{1, std::nanf(""), 2}, 0); }),
           "logits[1] is NaN and has no rank");
}

}  // namespace

int main() {
  return run_all({
      {"offsets are checked", offsets_are_checked},
      {"texts are slices", texts_are_slices},
      {"templates hold both texts once", templates_hold_both_texts_once},
      {"END cuts the document first and the query last",
       end_cuts_the_document_first_and_the_query_last},
      {"NONE names every offender", none_names_every_offender},
      {"doc_tokens cut and say so", doc_tokens_cut_and_say_so},
      {"windows are consecutive and fit beside the query",
       windows_are_consecutive_and_fit_beside_the_query},
      {"a document has room for what pairs can tell apart",
       a_document_has_room_for_what_pairs_can_tell_apart},
      {"broken pairs are refused", broken_pairs_are_refused},
      {"plans", plans},
      {"equal widths keep input order", equal_widths_keep_input_order},
      {"impossible plans are refused", impossible_plans_are_refused},
      {"batches are packed and buffers reused", batches_are_packed_and_buffers_reused},
      {"sigmoid is stable", sigmoid_is_stable},
      {"ranks are total", ranks_are_total},
  });
}
