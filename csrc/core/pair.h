// From texts to rows: which tokens of a query and a document stand side by side, and in what layout.
//
// The layout is the model's own (tokenizer.json's post-processor). The policy is Pinecone's: what is
// too long loses the end of query + document, so the document goes first, and the query only when it
// fills the limit alone.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/encoded.h"

namespace rerank {

struct PairPiece {
  enum class Kind { kSpecial, kQuery, kDocument };
  Kind kind;
  std::int32_t id;  // of a special token; unused otherwise
  std::int32_t type_id;
};

// The order of special tokens, query and document in a row, and their type ids.
class PairTemplate {
 public:
  // Throws std::invalid_argument unless there is exactly one query and one document.
  explicit PairTemplate(std::vector<PairPiece> pieces);

  std::int64_t num_special() const { return num_special_; }

  // Writes num_special() + query.size() + document.size() ids and, unless type_ids is null, as many
  // type ids.
  void write(std::span<const std::int32_t> query, std::span<const std::int32_t> document,
             std::int64_t* ids, std::int64_t* type_ids) const;

 private:
  std::vector<PairPiece> pieces_;
  std::int64_t num_special_;
};

enum class Truncate { kNone, kEnd };

struct PairLimits {
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

  std::int64_t row_tokens;                // what one row can hold, special tokens included
  std::int64_t pair_tokens = kUnlimited;  // query + document + special tokens, before windows
  std::int64_t doc_tokens = kUnlimited;   // each document is first cut to so many tokens
  std::int64_t max_chunks = 1;            // windows a document may be split into
  Truncate truncate = Truncate::kEnd;     // what happens to a pair that is still too long
};

// A pair, or one window of its document, as slices of the encoded texts.
struct Row {
  std::int64_t pair;
  std::int64_t query_tokens;
  std::int64_t document_begin;
  std::int64_t document_tokens;
};

// Its ids, without special tokens.
struct RowIds {
  std::span<const std::int32_t> query;
  std::span<const std::int32_t> document;
};
RowIds ids_of(const Row& row, const Encoded& queries, const Encoded& documents,
              std::span<const std::int64_t> query_of);

struct PairedRows {
  std::vector<Row> rows;                 // by pair, then by window
  std::vector<std::int64_t> row_tokens;  // special tokens included
  std::vector<std::int64_t> tokens_run;  // by pair: the sum of its rows' tokens
  std::vector<bool> truncated;           // by pair: did query or document lose a token
};

// The most tokens of a document that pair_rows can tell apart beside a query of `query_tokens`: those of
// its rows, and one more if it is cut. Encoding may stop there. kUnlimited where all must be counted.
std::int64_t document_room(const PairTemplate& layout, std::int64_t query_tokens,
                           const PairLimits& limits);

// Pair i is documents[i] beside queries[query_of[i]]. Throws TokenLimitExceeded with every offender
// under Truncate::kNone, std::invalid_argument when the limits leave no room or an index is out.
PairedRows pair_rows(const PairTemplate& layout, const Encoded& queries, const Encoded& documents,
                     std::span<const std::int64_t> query_of, const PairLimits& limits);

}  // namespace rerank
