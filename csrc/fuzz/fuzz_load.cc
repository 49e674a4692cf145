// Hostile tokenizer files: each component built from what the bytes say. It is refused with
// std::invalid_argument, or it works: text goes through it, and a model gives what the plain algorithm does.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/added_tokens.h"
#include "core/text/base64.h"
#include "core/text/bpe.h"
#include "core/text/byte_level.h"
#include "core/text/json_number.h"
#include "core/text/metaspace.h"
#include "core/text/normalizers.h"
#include "core/text/pre_tokenizers.h"
#include "core/text/precompiled.h"
#include "core/text/split.h"
#include "core/text/tokenizer.h"
#include "core/text/unigram.h"
#include "core/text/utf8.h"
#include "core/text/wordpiece.h"
#include "fuzz/fuzz.h"
#include "fuzz/patterns.h"

namespace rerank::fuzz {
namespace {

using Ids = std::vector<std::int32_t>;
using Vocab = std::vector<std::pair<std::string, std::int32_t>>;

constexpr std::size_t kMostPieces = 48;
constexpr std::size_t kMostText = 2048;

// Mostly the next id; else a hostile one.
std::int32_t id(Bytes& bytes, std::size_t next) {
  if (bytes.below(16) != 0) return static_cast<std::int32_t>(next);
  return static_cast<std::int32_t>(bytes.word());
}

Vocab vocabulary(Bytes& bytes) {
  Vocab vocab;
  const std::size_t count = bytes.below(kMostPieces);
  for (std::size_t i = 0; i < count; ++i) {
    std::string piece = bytes.text(5);
    vocab.emplace_back(std::move(piece), id(bytes, i));
  }
  return vocab;
}

std::string text(Bytes& bytes) {
  std::string made = bytes.texts().substr(0, kMostText);
  while (!is_valid_utf8(made)) made.pop_back();
  return made;
}

// Twice with one scratch, the second time from its cache. No value: NoTokenError.
std::optional<Ids> tokenize(const TokenModel& model, std::string_view word) {
  const auto scratch = model.make_scratch();
  const auto once = [&]() -> std::optional<Ids> {
    Ids ids = {-7};
    try {
      model.tokenize(word, *scratch, ids);
    } catch (const NoTokenError&) {
      return std::nullopt;
    }
    require(ids[0] == -7, "what was there stays");
    ids.erase(ids.begin());
    return ids;
  };
  const std::optional<Ids> cold = once();
  require(once() == cold, "the second time is as the first");
  return cold;
}

std::size_t num_chars(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Greedy: the longest piece that the rest of the word begins with.
std::optional<Ids> plain_word_piece(const Vocab& vocab, const WordPieceOptions& options,
                                    std::string_view word) {
  const std::map<std::string, std::int32_t> ids_of(vocab.begin(), vocab.end());
  const auto unknown = [&]() -> std::optional<Ids> {
    const auto unk = ids_of.find(options.unk_token);
    return unk == ids_of.end() ? std::nullopt : std::optional<Ids>({unk->second});
  };
  if (num_chars(word) > options.max_input_chars_per_word) return unknown();
  Ids ids;
  for (std::size_t at = 0; at < word.size();) {
    std::size_t size = word.size() - at;
    auto found = ids_of.end();
    for (; size > 0; --size) {
      const std::string prefix = at == 0 ? "" : options.continuing_subword_prefix;
      found = ids_of.find(prefix + std::string(word.substr(at, size)));
      if (found != ids_of.end()) break;
    }
    if (size == 0) return unknown();
    ids.push_back(found->second);
    at += size;
  }
  return ids;
}

void load_word_piece(Bytes& bytes) {
  const Vocab vocab = vocabulary(bytes);
  WordPieceOptions options;
  if (bytes.flag()) options.unk_token = bytes.text(3);
  if (bytes.flag()) options.continuing_subword_prefix = bytes.text(3);
  if (bytes.flag()) options.max_input_chars_per_word = bytes.word() >> bytes.below(32);
  const WordPiece model(vocab, options);
  const std::string word = text(bytes);
  if (!word.empty())
    require(tokenize(model, word) == plain_word_piece(vocab, options, word), "greedy");
}

double score(Bytes& bytes) {
  constexpr std::array<double, 8> kOdd = {0.0,
                                          -0.0,
                                          1e308,
                                          -1e308,
                                          5e-324,
                                          -std::numeric_limits<double>::infinity(),
                                          std::numeric_limits<double>::quiet_NaN(),
                                          1e16};
  const std::uint8_t byte = bytes.byte();
  return byte < 8 ? kOdd[byte] : -(byte % 32) / 4.0;
}

// The sum of the scores on the best path, without a trie, a cache, or an end to what is remembered.
double best_sum(const Unigram::Pieces& pieces, std::string_view word) {
  std::map<std::string_view, double> scores;
  double lowest = pieces[0].second;
  for (const auto& [piece, value] : pieces) {
    scores[piece] = value;
    lowest = std::min(lowest, value);
  }
  std::vector<std::optional<double>> best(word.size() + 1);
  best[0] = 0;
  const auto offer = [&](std::size_t end, double sum) {
    if (!best[end] || sum > *best[end]) best[end] = sum;
  };
  for (std::size_t at = 0; at < word.size(); ++at) {
    if (!best[at]) continue;
    const std::size_t size = decode(word, at).size;
    for (const auto& [piece, value] : scores)
      if (!piece.empty() && word.substr(at).starts_with(piece))
        offer(at + piece.size(), *best[at] + value);
    if (!scores.contains(word.substr(at, size))) offer(at + size, *best[at] + (lowest - 10));
  }
  return *best[word.size()];
}

// What the pieces of these ids add up to, or none if they do not spell the word.
std::optional<double> sum_of(const Unigram::Pieces& pieces, const Ids& ids, std::string_view word) {
  double sum = 0;
  std::string spelled;
  for (const std::int32_t each : ids) {
    const auto& [piece, value] = pieces[static_cast<std::size_t>(each)];
    sum += value;
    spelled += piece;
  }
  return spelled == word ? std::optional(sum) : std::nullopt;
}

void load_unigram(Bytes& bytes) {
  Unigram::Pieces pieces;
  const std::size_t count = bytes.below(kMostPieces);
  for (std::size_t i = 0; i < count; ++i) {
    std::string piece = bytes.text(5);
    pieces.emplace_back(std::move(piece), score(bytes));
  }
  std::optional<std::size_t> unk_id;
  if (bytes.flag()) unk_id = bytes.flag() ? bytes.below(kMostPieces) : bytes.word();
  const bool byte_fallback = bytes.flag();
  const Unigram model(pieces, unk_id, byte_fallback);
  const std::string word = text(bytes).substr(0, 512);
  if (word.empty() || !is_valid_utf8(word)) return;
  const std::optional<Ids> ids = tokenize(model, word);
  require(ids || !unk_id, "the unknown token stands for all");
  if (!ids) return;
  bool is_spelled = !unk_id;  // by known pieces, of moderate scores
  for (const std::int32_t each : *ids) {
    require(each >= 0 && static_cast<std::size_t>(each) < pieces.size(), "the id is a piece's");
    is_spelled = is_spelled && std::abs(pieces[static_cast<std::size_t>(each)].second) < 100;
  }
  if (!is_spelled) return;
  const std::optional<double> sum = sum_of(pieces, *ids, word);
  require(sum.has_value(), "the pieces spell the word");
  require(std::abs(*sum - best_sum(pieces, word)) < 1e-6, "no path is better");
}

// Pair by pair, the lowest rank first and of several the leftmost. None where a character is no piece.
std::optional<Ids> plain_bpe(const BpeOptions& options, std::string_view word) {
  const std::map<std::string, std::int32_t> ids_of(options.vocab.begin(), options.vocab.end());
  std::map<std::pair<std::string, std::string>, std::size_t> ranks;
  for (std::size_t rank = 0; rank < options.merges.size(); ++rank)
    ranks[options.merges[rank]] = rank;
  std::vector<std::string> symbols;
  std::string whole;
  for (std::size_t at = 0; at < word.size();) {
    std::size_t size = 1;
    std::string symbol;
    if (options.byte_level) {
      append(symbol, byte_to_alphabet(static_cast<unsigned char>(word[at])));
    } else {
      size = decode(word, at).size;
      symbol = word.substr(at, size);
    }
    at += size;
    whole += symbol;
    symbols.push_back(std::move(symbol));
  }
  if (options.ignore_merges && ids_of.contains(whole)) return Ids{ids_of.at(whole)};
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (i > 0) symbols[i] = options.continuing_subword_prefix + symbols[i];
    if (i + 1 == symbols.size()) symbols[i] += options.end_of_word_suffix;
    if (!ids_of.contains(symbols[i])) return std::nullopt;
  }
  while (true) {
    std::size_t best = symbols.size();
    std::size_t best_rank = options.merges.size();
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto found = ranks.find({symbols[i], symbols[i + 1]});
      if (found == ranks.end() || found->second >= best_rank) continue;
      best_rank = found->second;
      best = i;
    }
    if (best == symbols.size()) break;
    symbols[best] += symbols[best + 1].substr(options.continuing_subword_prefix.size());
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  Ids ids;
  for (const std::string& symbol : symbols) ids.push_back(ids_of.at(symbol));
  return ids;
}

void load_bpe(Bytes& bytes) {
  BpeOptions options;
  const std::uint8_t flags = bytes.byte();
  options.byte_level = (flags & 1) != 0;
  options.fuse_unk = (flags & 2) != 0;
  options.byte_fallback = (flags & 4) != 0;
  options.ignore_merges = (flags & 8) != 0;
  if ((flags & 16) != 0) options.continuing_subword_prefix = bytes.text(3);
  if ((flags & 32) != 0) options.end_of_word_suffix = bytes.text(3);
  if ((flags & 64) != 0) options.unk_token = bytes.text(3);
  if ((flags & 128) != 0) options.dropout = score(bytes);
  options.vocab = vocabulary(bytes);
  const std::size_t num_merges = bytes.below(64);
  for (std::size_t i = 0; i < num_merges && !options.vocab.empty(); ++i) {
    const auto& left = options.vocab[bytes.below(options.vocab.size())].first;
    const std::uint8_t choice = bytes.byte();
    const auto& right = options.vocab[choice % options.vocab.size()].first;
    options.merges.emplace_back(left, choice == 255 ? bytes.text(4) : right);
    // Usually the two make a piece: most vocabularies would be refused otherwise.
    std::string made = left;
    if (right.size() >= options.continuing_subword_prefix.size())
      made += right.substr(options.continuing_subword_prefix.size());
    const bool is_there = std::any_of(options.vocab.begin(), options.vocab.end(),
                                      [&](const auto& entry) { return entry.first == made; });
    if (choice < 250 && !is_there)
      options.vocab.emplace_back(made, static_cast<std::int32_t>(1000 + options.vocab.size()));
  }
  const Bpe model(options);
  std::string word = text(bytes);
  if (!word.empty() && bytes.flag()) word += word;
  if (word.empty()) return;
  const std::optional<Ids> ids = tokenize(model, word);
  for (const std::int32_t each : ids.value_or(Ids{}))
    require(std::any_of(options.vocab.begin(), options.vocab.end(),
                        [&](const auto& entry) { return entry.second == each; }),
            "the id is a piece's");
  if (word.size() > 400) return;
  const std::optional<Ids> plain = plain_bpe(options, word);
  require(!plain || ids == plain, "pair by pair");
}

void check(const Normalizer* normalizer, const std::string& given) {
  if (normalizer == nullptr) return;
  std::string out = "before ";
  normalizer->apply(given, out);
  require(out.starts_with("before "), "what was there stays");
  require(is_valid_utf8(out), "normalized text is UTF-8");
}

void load_charsmap(Bytes& bytes) {
  if (bytes.flag()) {  // any bytes
    const std::size_t size = bytes.word() >> 22;
    const NormalizerPtr made = make_precompiled(bytes.raw(size));
    return check(made.get(), text(bytes));
  }
  static const Charsmap good(kRules);  // with some bits turned
  static const std::vector<std::size_t> used = [] {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < good.units.size(); ++i)
      if (good.units[i] != 0) places.push_back(i);
    return places;
  }();
  Charsmap charsmap = good;
  const std::size_t count = bytes.below(16);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t place = bytes.word() % (2 * used.size());
    const std::size_t unit =
        place < used.size() ? used[place] : bytes.word() % charsmap.units.size();
    charsmap.units[unit] ^= bytes.flag() ? bytes.word() : 1U << bytes.below(32);
  }
  if (bytes.flag()) charsmap.replacements = bytes.text(16);
  std::string whole = charsmap.bytes();
  if (bytes.below(8) == 0) whole.resize(bytes.word() % (whole.size() + 1));
  const NormalizerPtr made = make_precompiled(whole);
  check(made.get(), text(bytes));
}

// All that is left, with only these characters in it, or as it stands.
std::string written_in(std::string_view characters, Bytes& bytes) {
  const bool is_wild = bytes.below(8) == 0;
  std::string made(bytes.rest());
  if (!is_wild)
    for (char& c : made) c = characters[static_cast<unsigned char>(c) % characters.size()];
  return made;
}

void load_base64(Bytes& bytes) {
  const std::size_t num_pads = bytes.below(4);
  std::string given =
      written_in("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", bytes);
  given.append(num_pads, '=');
  const std::string decoded = decode_base64(given);
  const std::size_t num_left_out = given.ends_with("==") ? 2 : given.ends_with('=') ? 1 : 0;
  require(decoded.size() == given.size() / 4 * 3 - num_left_out, "four characters are three bytes");
}

void load_number(Bytes& bytes) {
  const std::string given = written_in("01234567890123456789-.e+", bytes);
  const double found = json_number(given);
  require(std::isfinite(found), "a number is finite");
  const double expected = std::strtod(given.c_str(), nullptr);
  require(std::isinf(expected) || std::abs(found - expected) <= std::abs(expected) * 1e-14 + 1e-307,
          "the number is nearly right");
}

void load_replace(Bytes& bytes) {
  const bool is_regex = bytes.flag();
  const std::string pattern = is_regex ? std::string(bytes.raw(bytes.below(40))) : bytes.text(8);
  const std::string content = bytes.text(4);
  const NormalizerPtr made =
      is_regex ? make_regex_replace(pattern, content) : make_replace(pattern, content);
  check(made.get(), text(bytes));
}

void load_prepend(Bytes& bytes) {
  const NormalizerPtr made = make_prepend(bytes.text(8));
  check(made.get(), text(bytes));
}

void load_pre_tokenizer(Bytes& bytes) {
  PreTokenizerPtr made;
  const auto behavior = static_cast<SplitBehavior>(bytes.below(5));
  const bool invert = bytes.flag();
  bool adds = false;
  switch (bytes.below(5)) {
    case 0: {
      std::string pattern(kPatterns[bytes.below(kPatterns.size())]);
      if (bytes.below(4) == 0) pattern[bytes.word() % pattern.size()] ^= 1;
      made = make_regex_split(pattern, behavior, invert);
      break;
    }
    case 1:
      made = make_literal_split(bytes.text(4), behavior, invert);
      break;
    case 2:
      made = make_char_delimiter_split(bytes.word() >> bytes.below(32));
      break;
    case 3:
      made = make_fixed_length(bytes.word() >> bytes.below(32));
      break;
    default:
      adds = true;
      made = make_metaspace({bytes.word() >> bytes.below(32),
                             static_cast<PrependScheme>(bytes.below(3)), bytes.flag()});
  }
  const std::string given = text(bytes);
  Words words;
  words.add("before");
  made->apply(given, bytes.flag(), words);
  require(words.size() > 0 && words[0] == "before" && words.ends.back() == words.text.size(),
          "words follow each other");
  for (std::size_t i = 1; i < words.size(); ++i)
    require(words.ends[i] > words.ends[i - 1] && is_valid_utf8(words[i]), "words are text");
  require(adds || words.text.size() <= given.size() + 6, "nothing is added");
}

void load_added_tokens(Bytes& bytes) {
  std::vector<AddedToken> tokens;
  const std::size_t count = bytes.below(12);
  bool is_plain = true;
  for (std::size_t i = 0; i < count; ++i) {
    AddedToken token{bytes.text(5), static_cast<std::int32_t>(i)};
    const std::uint8_t flags = bytes.byte();
    token.single_word = (flags & 1) != 0;
    token.lstrip = (flags & 2) != 0;
    token.rstrip = (flags & 4) != 0;
    is_plain = is_plain && !token.rstrip;
    tokens.push_back(std::move(token));
  }
  const AddedTokens made(tokens);
  const std::string given = text(bytes);
  AddedTokens::Cursor cursor(made, given);
  std::string joined;
  while (const std::optional<Segment> segment = cursor.next()) {
    require(is_valid_utf8(segment->text), "segments are text");
    joined += segment->text;
    if (!segment->token || tokens[static_cast<std::size_t>(*segment->token)].rstrip) continue;
    require(segment->text.ends_with(tokens[static_cast<std::size_t>(*segment->token)].content),
            "a token is where it was found");
  }
  require(!is_plain || joined == given, "segments follow each other");
}

void run(Bytes bytes) try {
  constexpr std::array kLoaders = {
      load_word_piece, load_unigram, load_bpe,           load_charsmap,     load_base64,
      load_number,     load_replace, load_pre_tokenizer, load_added_tokens, load_prepend};
  kLoaders[bytes.below(kLoaders.size())](bytes);
} catch (const std::invalid_argument&) {  // refused, as it may be
}

}  // namespace
}  // namespace rerank::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rerank::fuzz::run(rerank::fuzz::Bytes(data, size));
  return 0;
}
