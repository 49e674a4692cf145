// The way from text to ids as a whole: added tokens, where it stops, and many texts on many threads.
#include "core/text/tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/text/added_tokens.h"
#include "core/text/encode_batch.h"
#include "core/text/normalizers.h"
#include "core/text/whitespace.h"
#include "core/text/wordpiece.h"
#include "tests/check.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;

using Strings = std::vector<std::string>;

// "text" for what is no token, "text=id" for what is one.
Strings segments(const AddedTokens& tokens, std::string_view text) {
  Strings found;
  AddedTokens::Cursor cursor(tokens, text);
  while (const auto segment = cursor.next())
    found.push_back(std::string(segment->text) +
                    (segment->token ? "=" + std::to_string(*segment->token) : ""));
  return found;
}

void the_leftmost_longest_token_is_found() {
  const AddedTokens tokens({{"ab", 1}, {"abcd", 2}, {"b", 3}, {"abce", 4}, {"ab", 5}});
  CHECK_EQ(segments(tokens, ""), Strings());
  CHECK_EQ(segments(tokens, "x"), Strings({"x"}));
  CHECK_EQ(segments(tokens, "abcd"), Strings({"abcd=2"}));
  CHECK_EQ(segments(tokens, "abcab"), Strings({"ab=1", "c", "ab=1"}));
  CHECK_EQ(segments(tokens, "xbabce"), Strings({"x", "b=3", "abce=4"}));
  CHECK_EQ(segments(AddedTokens({{"a", 1}, {"ab", 2}, {"abcX", 3}, {"abcXY", 4}}), "abcZa"),
           Strings({"ab=2", "cZ", "a=1"}));
  CHECK_EQ(segments(AddedTokens({}), "ab"), Strings({"ab"}));
  CHECK_EQ(thrown<std::invalid_argument>([] { AddedTokens({{"", 1}}); }),
           "an added token is empty");
}

void tokens_mind_their_surroundings() {
  AddedToken word{"no", 1};
  word.single_word = true;
  AddedToken left{"<l>", 2};
  left.lstrip = true;
  AddedToken right{"<r>", 3};
  right.rstrip = true;
  const AddedTokens tokens({word, left, right});
  CHECK_EQ(segments(tokens, "no"), Strings({"no=1"}));
  CHECK_EQ(segments(tokens, "now no. éno"), Strings({"now ", "no=1", ". éno"}));
  CHECK_EQ(segments(tokens, "a \u3000<l> <r>\n b"),
           Strings({"a", " \u3000<l>=2", " ", "<r>\n =3", "b"}));
  CHECK_EQ(segments(tokens, "<r> <l>"),
           Strings({"<r> =3", "<l>=2"}));  // the space is taken already
}

std::size_t num_segments(const AddedTokens& tokens, std::string_view text) {
  std::size_t count = 0;
  AddedTokens::Cursor cursor(tokens, text);
  while (cursor.next()) ++count;
  return count;
}

// Each would take minutes if the time were the square of a length.
void hostile_text_takes_linear_time() {
  constexpr std::size_t kLength = 1'000'000;
  AddedToken space{" ", 1};
  space.lstrip = true;
  CHECK_EQ(num_segments(AddedTokens({space}), std::string(kLength, ' ')), kLength);
  space.rstrip = true;
  CHECK_EQ(num_segments(AddedTokens({space}), std::string(kLength, ' ')), kLength);

  std::vector<AddedToken> tokens;  // a run of "a" is the beginning of all
  for (std::size_t i = 1; i < 1000; ++i) tokens.push_back({std::string(i, 'a') + "A", 1});
  CHECK_EQ(num_segments(AddedTokens(std::move(tokens)), std::string(kLength / 10, 'a')), 1);
}

TokenizerParts parts() {
  TokenizerParts made;
  made.normalizer = make_lowercase();
  made.pre_tokenizer = make_whitespace_split();
  made.model = std::make_unique<WordPiece>(
      WordPiece::Pieces{{"[UNK]", 0}, {"a", 1}, {"##b", 2}, {"c", 3}, {"[x]", 4}});
  made.added_tokens = {{{"[X]", 8}, false}, {{"CC", 9}, true}};
  made.splits_at_spaces = true;
  return made;
}

Ids encode(const Tokenizer& tokenizer, std::string_view text, std::size_t limit) {
  Tokenizer::Scratch scratch(tokenizer);
  Ids ids = {-1};  // what is there stays
  tokenizer.encode(text, limit, scratch, ids);
  ids.erase(ids.begin());
  return ids;
}

void all_steps_follow_each_other() {
  const Tokenizer tokenizer(parts());
  const auto all = [&](std::string_view text) {
    return encode(tokenizer, text, Tokenizer::kUnlimited);
  };
  CHECK_EQ(all(""), Ids());
  CHECK_EQ(all("A  aB z"), Ids({1, 1, 2, 0}));
  CHECK_EQ(all("a[X]a[x]"), Ids({1, 8, 0}));  // "[X]" is found in the raw text only
  CHECK_EQ(all("a ccC Cc"), Ids({1, 9, 3, 9}));
}

void encoding_stops_at_the_limit() {
  const Tokenizer tokenizer(parts());
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    if (i % 7 == 0)
      text += "CC ";
    else
      text += i % 5 == 0 ? "ab[X]ab " : "ab c  ";
  }
  const Ids all = encode(tokenizer, text, Tokenizer::kUnlimited);
  for (std::size_t limit = 0; limit < all.size() + 3; limit += limit < 20 ? 1 : 97) {
    Tokenizer::Scratch scratch(tokenizer);
    Ids ids;
    CHECK_EQ(tokenizer.encode(text, limit, scratch, ids), limit >= all.size());
    CHECK_EQ(ids, Ids(all.begin(),
                      all.begin() + static_cast<std::ptrdiff_t>(std::min(limit, all.size()))));
  }
}

// Chunks are for speed alone: a token that takes the space after it must not lose it to a cut.
void long_text_is_encoded_as_a_whole() {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "a0 b ";
  Ids expected;
  for (int i = 0; i < 3000; ++i) expected.insert(expected.end(), {1, 8, 2, 3});
  TokenizerParts made;
  made.model = std::make_unique<WordPiece>(
      WordPiece::Pieces{{"[UNK]", 0}, {"a", 1}, {"b", 2}, {" ", 3}, {" b", 4}},
      WordPieceOptions{.continuing_subword_prefix = ""});
  AddedToken zero{"0", 8};
  zero.rstrip = true;
  made.added_tokens = {{zero, true}};
  made.splits_at_spaces = true;
  CHECK_EQ(encode(Tokenizer(std::move(made)), text, Tokenizer::kUnlimited), expected);
}

void parts_are_checked() {
  CHECK_EQ(thrown<std::invalid_argument>([] { Tokenizer(TokenizerParts{}); }),
           "a tokenizer needs a model");
  TokenizerParts made = parts();
  made.normalizer = make_strip(true, true);
  made.added_tokens = {{{"  ", 8}, true}};
  CHECK_EQ(thrown<std::invalid_argument>([&] { Tokenizer(std::move(made)); }),
           "the added token \"  \" is empty when normalized");
}

void slices_on_many_threads_give_the_ids_in_order() {
  const Tokenizer tokenizer(parts());
  ScratchPool pool(tokenizer);
  Strings texts(400);
  for (std::size_t i = 0; i < texts.size(); ++i)
    for (std::size_t k = 0; k < i % 97; ++k) texts[i] += k % 3 == 0 ? "ab " : "c CC ";
  EncodeBatch batch(tokenizer, pool, {texts.begin(), texts.end()}, 50);
  CHECK_EQ(batch.num_slices() > 3, true);
  const auto on_threads = [&](const auto& step) {
    std::vector<std::jthread> threads;
    for (std::size_t slice = 0; slice < batch.num_slices(); ++slice)
      threads.emplace_back([&step, slice] { step(slice); });
  };
  on_threads([&](std::size_t slice) { batch.run(slice); });
  EncodedTexts encoded = batch.begin_result();
  on_threads([&](std::size_t slice) { batch.join(slice, encoded); });
  Ids ids;
  std::vector<std::int64_t> offsets = {0};
  for (const std::string& text : texts) {
    const Ids one = encode(tokenizer, text, 50);
    ids.insert(ids.end(), one.begin(), one.end());
    offsets.push_back(static_cast<std::int64_t>(ids.size()));
  }
  CHECK_EQ(Ids(encoded.ids.begin(), encoded.ids.end()), ids);
  CHECK_EQ(encoded.offsets, offsets);

  EncodeBatch none(tokenizer, pool, {}, 50);
  CHECK_EQ(none.num_slices(), 0);
  CHECK_EQ(none.result().offsets, std::vector<std::int64_t>({0}));
}

}  // namespace

int main() {
  return run_all({
      {"the leftmost longest token is found", the_leftmost_longest_token_is_found},
      {"tokens mind their surroundings", tokens_mind_their_surroundings},
      {"hostile text takes linear time", hostile_text_takes_linear_time},
      {"all steps follow each other", all_steps_follow_each_other},
      {"encoding stops at the limit", encoding_stops_at_the_limit},
      {"long text is encoded as a whole", long_text_is_encoded_as_a_whole},
      {"parts are checked", parts_are_checked},
      {"slices on many threads give the ids in order",
       slices_on_many_threads_give_the_ids_in_order},
  });
}
