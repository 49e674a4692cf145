// Byte pair encoding (Sennrich et al. 2016): the symbols of a word are merged pair by pair, the pair of
// the lowest rank first and of several the leftmost, until no pair of neighbours is in the list of merges.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/text/pair_map.h"
#include "core/text/token_model.h"
#include "core/text/utf8.h"

namespace rerank {

// The `model` of a tokenizer.json; the names are its own.
struct BpeOptions {
  std::vector<std::pair<std::string, std::int32_t>> vocab;
  std::vector<std::pair<std::string, std::string>> merges;  // by rank; "a b" is split by the caller
  std::optional<double> dropout;
  std::optional<std::string> unk_token;
  std::string continuing_subword_prefix;
  std::string end_of_word_suffix;
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
  // The tokenizer maps bytes to GPT-2's alphabet before the model (ByteLevel). Then words come as
  // raw bytes; otherwise their symbols are code points.
  bool byte_level = false;
};

class Bpe final : public TokenModel {
 public:
  explicit Bpe(const BpeOptions& options);

  std::unique_ptr<TokenScratch> make_scratch() const override;
  void tokenize(std::string_view word, TokenScratch& scratch,
                std::vector<std::int32_t>& ids) const override;

 private:
  struct Scratch;
  using Merges = std::vector<std::pair<std::string, std::string>>;
  using Vocab = std::unordered_map<std::string_view, std::int32_t>;
  struct StringHash {
    using is_transparent = void;  // NOLINT(*-identifier-naming): the standard library's name
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  static constexpr std::int32_t kUnknown = -1;  // the id of what is not in the vocabulary
  // A symbol is written differently within a word (prefix) and at its end (suffix).
  static constexpr std::size_t kWithin = 1;
  static constexpr std::size_t kLast = 2;
  static constexpr std::size_t kNumPlaces = 4;

  // bpe_tables.cc
  static Vocab checked(const std::vector<std::pair<std::string, std::int32_t>>& pieces);
  static std::int32_t id_in(const Vocab& vocab, std::string_view piece);
  void set_symbols(const Vocab& vocab);
  void set_merges(const Merges& merges, const Vocab& vocab);
  void set_joints(const Merges& merges);
  void set_whole_words(const Vocab& vocab);
  int symbol_value(char32_t code_point) const;
  int only_symbol(std::string_view piece, std::size_t place) const;

  CodePoint symbol_at(std::string_view word, std::size_t at) const;
  std::int32_t symbol_id(char32_t symbol, std::size_t place) const;
  void add_unknown(char32_t symbol, std::size_t place, bool& pending,
                   std::vector<std::int32_t>& symbols) const;
  void read_symbols(std::string_view word, std::vector<std::int32_t>& symbols) const;
  void merge_short(std::vector<std::int32_t>& symbols) const;
  void merge_long(Scratch& scratch) const;
  void encode_cached(std::string_view word, Scratch& scratch, std::vector<std::int32_t>& ids) const;

  bool byte_level_;
  bool fuse_unk_;
  bool byte_fallback_;
  bool has_unk_;
  bool can_cut_;
  std::int32_t unk_id_ = kUnknown;
  std::string unk_token_;
  std::string prefix_;
  std::string suffix_;
  std::array<std::array<std::int32_t, 256>, kNumPlaces> low_ids_;  // of symbols below 256
  PairMap high_ids_;                            // (place, symbol) of the others to its id
  std::array<std::int32_t, 256> fallback_ids_;  // of "<0x00>" to "<0xFF>"
  PairMap merges_;
  PairMap joints_;  // the pairs of symbols at which some merge joins its halves
  std::unordered_map<std::string, std::int32_t, StringHash, std::equal_to<>> whole_words_;
};

}  // namespace rerank
