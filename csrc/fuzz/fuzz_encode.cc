// Hostile text through every kind of tokenizer: BERT's in one pass, and any normalizers, pre-tokenizers,
// models and added tokens behind each other. What two ways of encoding give must be the same.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/bert_text.h"
#include "core/text/bpe.h"
#include "core/text/byte_level.h"
#include "core/text/metaspace.h"
#include "core/text/normalizers.h"
#include "core/text/pre_tokenizers.h"
#include "core/text/precompiled.h"
#include "core/text/split.h"
#include "core/text/split_patterns.h"
#include "core/text/tokenizer.h"
#include "core/text/unigram.h"
#include "core/text/utf8.h"
#include "core/text/whitespace.h"
#include "core/text/wordpiece.h"
#include "fuzz/fuzz.h"
#include "fuzz/patterns.h"

namespace rerank::fuzz {
namespace {

using Ids = std::vector<std::int32_t>;

constexpr std::int32_t kFirstAdded = 1 << 20;  // no piece of a model has such an id

// What is dear to make is made once and lent to each tokenizer.
class LentNormalizer final : public Normalizer {
 public:
  explicit LentNormalizer(const Normalizer& lender) : lender_(lender) {}
  void apply(std::string_view text, std::string& out) const override { lender_.apply(text, out); }

 private:
  const Normalizer& lender_;
};

class LentModel final : public TokenModel {
 public:
  explicit LentModel(const TokenModel& lender) : lender_(lender) {}
  std::unique_ptr<TokenScratch> make_scratch() const override { return lender_.make_scratch(); }
  void tokenize(std::string_view word, TokenScratch& scratch, Ids& ids) const override {
    lender_.tokenize(word, scratch, ids);
  }

 private:
  const TokenModel& lender_;
};

struct Model {
  TokenModelPtr model;
  std::vector<bool> ids;  // which ids it has
};

// The strings that all vocabularies are made of, each once, with every letter of ASCII.
std::vector<std::string> pieces() {
  std::vector<std::string> all(kStrings.begin(), kStrings.end());
  for (char c = '!'; c <= '~'; ++c) {
    all.emplace_back(1, c);
    all.push_back(std::string("##") + c);
    all.push_back(std::string("\u2581") + c);
  }
  for (const char* word : {"the", "##ing", "he", "er", "aa", "aaaa", "\u2581the", "ing",
                           "\u6771"
                           "\u4EAC"})
    all.emplace_back(word);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<bool> known(std::size_t count, std::size_t step) {
  std::vector<bool> ids(count * step);
  for (std::size_t i = 0; i < ids.size(); i += step) ids[i] = true;
  return ids;
}

// Every third id.
std::vector<std::pair<std::string, std::int32_t>> numbered(const std::vector<std::string>& all) {
  std::vector<std::pair<std::string, std::int32_t>> vocab;
  for (const std::string& piece : all)
    vocab.emplace_back(piece, static_cast<std::int32_t>(vocab.size() * 3));
  return vocab;
}

Model word_piece(const WordPieceOptions& options) {
  const auto vocab = numbered(pieces());
  return {std::make_unique<WordPiece>(vocab, options), known(vocab.size(), 3)};
}

Model unigram(bool has_unk, bool byte_fallback) {
  Unigram::Pieces scored;
  for (const std::string& piece : pieces())  // many of one score, for the ties
    scored.emplace_back(piece,
                        -static_cast<double>(scored.size() % 5) - (piece.size() > 1 ? 0.5 : 2.0));
  if (byte_fallback)
    for (unsigned byte = 0; byte < 256; ++byte) {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      const std::string piece = {'<', '0', 'x', kHex[byte / 16], kHex[byte % 16], '>'};
      scored.emplace_back(piece, -20);
    }
  const std::vector<bool> ids = known(scored.size(), 1);
  return {std::make_unique<Unigram>(scored, has_unk ? std::optional<std::size_t>(7) : std::nullopt,
                                    byte_fallback),
          ids};
}

// GPT-2's alphabet, and the merges that make `words` from left to right.
Model byte_bpe(bool ignore_merges) {
  BpeOptions options;
  std::vector<std::string> all;
  const auto add = [&](const std::string& piece) {
    if (std::find(all.begin(), all.end(), piece) == all.end()) all.push_back(piece);
  };
  const auto alphabet = [](unsigned char byte) {
    std::string text;
    append(text, byte_to_alphabet(byte));
    return text;
  };
  for (unsigned byte = 0; byte < 256; ++byte) add(alphabet(static_cast<unsigned char>(byte)));
  for (const std::string_view word :
       {"aa",         "aaaa",    "aaaaaaaa", " the",   " a",     "ab",
        "abc",        "he",      "ing",      "'s",     "  ",     "    ",
        "\r\n",       "\n\n",    "123",      "\u00E9", "\u6771", " \u6771\u4EAC",
        "\U0001F642", "e\u0301", "ba"}) {
    std::string made = alphabet(static_cast<unsigned char>(word[0]));
    for (const char c : word.substr(1)) {
      const std::string next = alphabet(static_cast<unsigned char>(c));
      options.merges.emplace_back(made, next);
      made += next;
      add(made);
    }
  }
  options.vocab = numbered(all);
  options.byte_level = true;
  options.ignore_merges = ignore_merges;
  const std::vector<bool> ids = known(all.size(), 3);
  return {std::make_unique<Bpe>(options), ids};
}

Model char_bpe(bool byte_fallback, bool fuse_unk, const char* prefix, const char* suffix) {
  BpeOptions options;
  std::vector<std::string> all = pieces();
  for (const std::string& piece : pieces()) {
    if (piece.size() > 2 || prefix[0] != '\0') continue;
    const std::string merged = piece + "a" + suffix;
    const std::string right = std::string("a") + suffix;
    for (const std::string& made : {merged, right})
      if (std::find(all.begin(), all.end(), made) == all.end()) all.push_back(made);
    options.merges.emplace_back(piece, right);
  }
  options.vocab = numbered(all);
  options.unk_token = "<unk>";
  options.continuing_subword_prefix = prefix;
  options.end_of_word_suffix = suffix;
  options.byte_fallback = byte_fallback;
  options.fuse_unk = fuse_unk;
  const std::vector<bool> ids = known(all.size(), 3);
  return {std::make_unique<Bpe>(options), ids};
}

const std::vector<Model>& models() {  // those for ByteLevel first
  static const std::vector<Model> made = [] {
    std::vector<Model> all;
    all.push_back(byte_bpe(false));
    all.push_back(byte_bpe(true));
    all.push_back(word_piece({}));
    all.push_back(word_piece({"none", "", 20}));
    all.push_back(unigram(true, false));
    all.push_back(unigram(true, true));
    all.push_back(unigram(false, false));
    all.push_back(char_bpe(false, false, "", ""));
    all.push_back(char_bpe(true, true, "", ""));
    all.push_back(char_bpe(false, true, "##", ""));
    all.push_back(char_bpe(true, false, "", "</w>"));
    return all;
  }();
  return made;
}
constexpr std::size_t kNumByteModels = 2;

BertTextOptions bert_options(std::size_t which) {
  constexpr std::array<std::optional<bool>, 3> kStrip = {std::nullopt, true, false};
  return {which % 2 == 0, which / 2 % 2 == 0, kStrip[which / 4 % 3], which / 12 % 2 == 0};
}
constexpr std::size_t kNumBert = 24;

// A step, and whether text may be cut before it at single spaces: as bindings/tokenizer_json.cc says.
struct NormalizerStep {
  NormalizerPtr normalizer;
  bool cuts;
};

NormalizerStep normalizer(Bytes& bytes) {
  static const NormalizerPtr charsmap = make_precompiled(Charsmap(kRules).bytes());
  static const std::vector<NormalizerPtr> bert = [] {
    std::vector<NormalizerPtr> all;
    for (std::size_t i = 0; i < kNumBert; ++i) all.push_back(make_bert_normalizer(bert_options(i)));
    return all;
  }();
  switch (bytes.below(16)) {
    case 0:
      return {make_normal_form(NormalForm::kNfc), true};
    case 1:
      return {make_normal_form(NormalForm::kNfd), true};
    case 2:
      return {make_normal_form(NormalForm::kNfkc), true};
    case 3:
      return {make_normal_form(NormalForm::kNfkd), true};
    case 4:
      return {make_lowercase(), true};
    case 5:
      return {make_strip_accents(), true};
    case 6:
      return {make_nmt(), true};
    case 7:
      return {make_strip(true, true), false};
    case 8:
      return {make_strip(false, true), true};
    case 9:
      return {make_prepend("\u2581"), false};
    case 10:
      return {make_replace(" ", "\u2581"), false};
    case 11:
      return {make_regex_replace(" {2,}", " "), true};
    case 12:
      return {make_regex_replace("[^a-z\\s\\p{L}]{1,3}", "xy"), false};
    case 13:
      return {std::make_unique<LentNormalizer>(*charsmap), true};
    case 14:
      return {std::make_unique<LentNormalizer>(*bert[bytes.below(kNumBert)]), true};
    default:
      return {nullptr, true};
  }
}

struct PreTokenizerStep {
  PreTokenizerPtr pre_tokenizer;
  bool cuts;
};

PreTokenizerStep pre_tokenizer(Bytes& bytes) {
  switch (bytes.below(11)) {
    case 0:
      return {make_bert_pre_tokenizer(), true};
    case 1:
      return {make_whitespace(), true};
    case 2:
      return {make_whitespace_split(), true};
    case 3: {
      const std::size_t options = bytes.below(12);
      const auto scheme = static_cast<PrependScheme>(options % 3);
      const bool split = options / 3 % 2 == 0;
      return {make_metaspace({options < 6 ? U'\u2581' : U'_', scheme, split}),
              split && scheme != PrependScheme::kFirst};
    }
    case 4:
      return {make_whitespace_metaspace({.prepend_scheme = bytes.flag() ? PrependScheme::kAlways
                                                                        : PrependScheme::kNever}),
              true};
    case 5:
      return {make_digits(bytes.flag()), false};
    case 6:
      return {make_punctuation(static_cast<SplitBehavior>(bytes.below(5))), false};
    case 7:
      return {make_fixed_length(1 + bytes.below(9)), false};
    case 8: {
      const std::string_view regex = kPatterns[bytes.below(kPatterns.size())];
      const auto behavior = static_cast<SplitBehavior>(bytes.below(5));
      const bool invert = bytes.flag();
      return {make_regex_split(regex, behavior, invert),
              behavior == SplitBehavior::kIsolated && !invert && splits_at_spaces(regex)};
    }
    case 9:
      return {make_literal_split("a", static_cast<SplitBehavior>(bytes.below(5)), bytes.flag()),
              false};
    default:
      return {nullptr, false};
  }
}

std::vector<TokenizerParts::Token> added_tokens(Bytes& bytes) {
  std::vector<TokenizerParts::Token> tokens;
  const std::size_t count = bytes.below(5);
  for (std::size_t i = 0; i < count; ++i) {
    AddedToken token{std::string(kStrings[bytes.below(kStrings.size())]),
                     kFirstAdded + static_cast<std::int32_t>(i)};
    const std::uint8_t flags = bytes.byte();
    token.single_word = (flags & 1) != 0;
    token.lstrip = (flags & 2) != 0;
    token.rstrip = (flags & 4) != 0;
    tokens.push_back({token, (flags & 8) != 0});
  }
  return tokens;
}

struct Made {
  Tokenizer tokenizer;
  const Model& model;
};

// Steps as the bytes choose them; with `in_chunks`, long text is encoded piece by piece where it may.
Made chosen(Bytes bytes, bool in_chunks) {
  TokenizerParts parts;
  parts.added_tokens = added_tokens(bytes);
  bool cuts = true;
  std::vector<NormalizerPtr> normalizers;
  for (std::size_t left = bytes.below(4); left > 0; --left) {
    NormalizerStep step = normalizer(bytes);
    cuts = cuts && step.cuts;
    normalizers.push_back(std::move(step.normalizer));
  }
  parts.normalizer = make_normalizer_sequence(std::move(normalizers));
  std::vector<PreTokenizerPtr> pre_tokenizers;
  const std::size_t num_pre_tokenizers = bytes.below(4);
  for (std::size_t i = 0; i < num_pre_tokenizers; ++i) {
    PreTokenizerStep step = pre_tokenizer(bytes);
    if (i == 0) cuts = cuts && step.cuts;
    pre_tokenizers.push_back(std::move(step.pre_tokenizer));
  }
  const Model& model = models()[bytes.below(models().size())];
  if (&model < &models()[kNumByteModels]) {
    const bool use_regex = bytes.flag();
    if (num_pre_tokenizers == 0) cuts = cuts && use_regex;
    pre_tokenizers.push_back(make_byte_level(bytes.flag(), use_regex));
  } else if (num_pre_tokenizers == 0) {
    cuts = false;
  }
  parts.pre_tokenizer = make_pre_tokenizer_sequence(std::move(pre_tokenizers));
  parts.model = std::make_unique<LentModel>(*model.model);
  parts.splits_at_spaces = in_chunks && cuts;
  return {Tokenizer(std::move(parts)), model};
}

constexpr std::size_t kRecipe = 40;  // bytes, at most, that `chosen` reads

// BERT's in one pass, or step by step.
const Tokenizer& bert(std::size_t which, bool in_one_pass) {
  static std::array<std::unique_ptr<Tokenizer>, 2 * kNumBert> all;
  std::unique_ptr<Tokenizer>& made = all[2 * which + (in_one_pass ? 1 : 0)];
  if (!made) {
    const BertTextOptions options = bert_options(which);
    TokenizerParts parts;
    parts.added_tokens = {{{"[MASK]", kFirstAdded, false, true, false}, false},
                          {{"<mask>", kFirstAdded + 1, true, false, true}, false}};
    parts.normalizer = make_bert_normalizer(options);
    parts.pre_tokenizer = make_bert_pre_tokenizer();
    parts.model = word_piece({.max_input_chars_per_word = which % 5 == 0 ? 20U : 100U}).model;
    if (in_one_pass) parts.bert_text = options;
    parts.splits_at_spaces = in_one_pass;
    made = std::make_unique<Tokenizer>(std::move(parts));
  }
  return *made;
}

std::optional<Ids> encode(const Tokenizer& tokenizer, std::string_view text,
                          Tokenizer::Scratch& scratch) {
  Ids ids;
  try {
    require(tokenizer.encode(text, Tokenizer::kUnlimited, scratch, ids),
            "without a limit all fits");
  } catch (const NoTokenError&) {
    return std::nullopt;
  }
  return ids;
}

void check(const Tokenizer& tokenizer, const Tokenizer& twin, const std::vector<bool>& known_ids,
           Tokenizer::Scratch& scratch, std::string_view text, std::size_t limit) {
  const std::optional<Ids> all = encode(tokenizer, text, scratch);
  require(encode(tokenizer, text, scratch) == all, "the second time is as the first");
  require(encode(twin, text, scratch) == all, "the twin gives the same");
  if (!all) return;
  for (const std::int32_t id : *all) {
    const auto place = static_cast<std::size_t>(id);
    require(id >= kFirstAdded ? id < kFirstAdded + 5 : place < known_ids.size() && known_ids[place],
            "the vocabulary has the id");
  }
  limit %= all->size() + 2;
  Ids ids = {-1};
  const bool fits = tokenizer.encode(text, limit, scratch, ids);
  require(fits == (all->size() <= limit), "encode says whether all fits");
  require(ids.size() == std::min(limit, all->size()) + 1 && ids[0] == -1 &&
              std::equal(ids.begin() + 1, ids.end(), all->begin()),
          "a limit gives the first ids");
}

// What a thread of long standing has, with the words of earlier runs: making it anew takes most of a run's
// time, which only some inputs are worth.
Tokenizer::Scratch& lasting_scratch(const Made& made) {
  static std::map<const Model*, std::unique_ptr<Tokenizer::Scratch>> all;
  std::unique_ptr<Tokenizer::Scratch>& scratch = all[&made.model];
  if (!scratch) scratch = std::make_unique<Tokenizer::Scratch>(made.tokenizer);
  return *scratch;
}

void run(Bytes bytes) {
  const std::size_t limit = bytes.word() >> 16;
  const std::uint8_t flags = bytes.byte();
  const std::size_t which = bytes.below(2 * kNumBert);
  Bytes recipe(nullptr, 0);
  if (which >= kNumBert) {
    const std::string_view taken = bytes.raw(kRecipe);
    recipe = Bytes(reinterpret_cast<const std::uint8_t*>(taken.data()), taken.size());
  }
  std::string text = (flags & 1) != 0 ? bytes.texts() : std::string(bytes.rest());
  if (!is_valid_utf8(text)) return;
  if ((flags & 14) == 14) {  // beyond the chunks in which a tokenizer looks at it
    const std::string once = text;
    while (text.size() < 4500) text += "a b" + once;
  }
  if (which < kNumBert) {
    static const std::vector<bool> ids = word_piece({}).ids;
    const Tokenizer& tokenizer = bert(which, true);
    Tokenizer::Scratch scratch(tokenizer);
    return check(tokenizer, bert(which, false), ids, scratch, text, limit);
  }
  models();  // whatever they throw is a mistake above
  std::optional<Made> made;
  try {
    made.emplace(chosen(recipe, true));
  } catch (const std::invalid_argument&) {
    return;  // an added token that is empty, or becomes so when normalized
  }
  const Made twin = chosen(recipe, false);
  const auto check_with = [&](Tokenizer::Scratch& scratch) {
    check(made->tokenizer, twin.tokenizer, made->model.ids, scratch, text, limit);
  };
  check_with(lasting_scratch(*made));
  if ((flags & 112) != 112) return;
  Tokenizer::Scratch fresh(made->tokenizer);
  check_with(fresh);
}

}  // namespace
}  // namespace rerank::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rerank::fuzz::run(rerank::fuzz::Bytes(data, size));
  return 0;
}
