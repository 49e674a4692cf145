#include "core/pair.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/error.h"

namespace rerank {
namespace {

// a * b where the product of two limits may not fit.
std::int64_t saturating_product(std::int64_t a, std::int64_t b) {
  return a != 0 && b > PairLimits::kUnlimited / a ? PairLimits::kUnlimited : a * b;
}

void check(const PairTemplate& layout, const PairLimits& limits) {
  const std::int64_t least = layout.num_special() + 1;
  if (limits.row_tokens < least || limits.pair_tokens < least)
    throw std::invalid_argument("a pair needs room for " + std::to_string(layout.num_special()) +
                                " special tokens and one more, the limit is " +
                                std::to_string(std::min(limits.row_tokens, limits.pair_tokens)));
  if (limits.max_chunks < 1 || limits.doc_tokens < 0)
    throw std::invalid_argument("max_chunks must be at least 1 and doc_tokens at least 0");
}

}  // namespace

PairTemplate::PairTemplate(std::vector<PairPiece> pieces) : pieces_(std::move(pieces)) {
  const auto count = [&](PairPiece::Kind kind) {
    return std::count_if(pieces_.begin(), pieces_.end(),
                         [&](const PairPiece& piece) { return piece.kind == kind; });
  };
  if (count(PairPiece::Kind::kQuery) != 1 || count(PairPiece::Kind::kDocument) != 1)
    throw std::invalid_argument("a pair template holds the query once and the document once");
  num_special_ = count(PairPiece::Kind::kSpecial);
}

void PairTemplate::write(std::span<const std::int32_t> query,
                         std::span<const std::int32_t> document, std::int64_t* ids,
                         std::int64_t* type_ids) const {
  for (const PairPiece& piece : pieces_) {
    std::span<const std::int32_t> text{&piece.id, 1};
    if (piece.kind == PairPiece::Kind::kQuery) text = query;
    if (piece.kind == PairPiece::Kind::kDocument) text = document;
    ids = std::copy(text.begin(), text.end(), ids);
    if (type_ids != nullptr) type_ids = std::fill_n(type_ids, text.size(), piece.type_id);
  }
}

RowIds ids_of(const Row& row, const Encoded& queries, const Encoded& documents,
              std::span<const std::int64_t> query_of) {
  const auto pair = static_cast<std::size_t>(row.pair);
  return {queries[static_cast<std::size_t>(query_of[pair])].first(
              static_cast<std::size_t>(row.query_tokens)),
          documents[pair].subspan(static_cast<std::size_t>(row.document_begin),
                                  static_cast<std::size_t>(row.document_tokens))};
}

std::int64_t document_room(const PairTemplate& layout, std::int64_t query_tokens,
                           const PairLimits& limits) {
  check(layout, limits);
  if (limits.truncate == Truncate::kNone) return PairLimits::kUnlimited;
  const std::int64_t special = layout.num_special();
  const std::int64_t room = std::min(limits.row_tokens, limits.pair_tokens) - special;
  const std::int64_t query = std::min(query_tokens, room);
  const std::int64_t all_windows = saturating_product(room - query, limits.max_chunks);
  const std::int64_t most =
      std::min({all_windows, limits.pair_tokens - special - query, limits.doc_tokens});
  return most == PairLimits::kUnlimited ? most : most + 1;
}

PairedRows pair_rows(const PairTemplate& layout, const Encoded& queries, const Encoded& documents,
                     std::span<const std::int64_t> query_of, const PairLimits& limits) {
  check(layout, limits);
  queries.validate();
  documents.validate();
  if (query_of.size() != documents.size())
    throw std::invalid_argument("query_of must have one entry per document");

  PairedRows paired;
  paired.rows.reserve(documents.size());
  paired.row_tokens.reserve(documents.size());
  paired.tokens_run.reserve(documents.size());
  paired.truncated.reserve(documents.size());
  std::vector<TokenLimitExceeded::Offender> offenders;

  // A row has `room` tokens for query and document, a pair at most `pair_room` over its windows.
  const std::int64_t special = layout.num_special();
  const std::int64_t room = std::min(limits.row_tokens, limits.pair_tokens) - special;
  const std::int64_t pair_room = limits.pair_tokens - special;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (query_of[i] < 0 || static_cast<std::size_t>(query_of[i]) >= queries.size())
      throw std::invalid_argument("query_of[" + std::to_string(i) + "] is out of range");
    const auto pair = static_cast<std::int64_t>(i);
    const auto query_all =
        static_cast<std::int64_t>(queries[static_cast<std::size_t>(query_of[i])].size());
    const auto document_all = static_cast<std::int64_t>(documents[i].size());
    const std::int64_t document_wanted = std::min(document_all, limits.doc_tokens);

    const std::int64_t query = std::min(query_all, room);
    const std::int64_t window = room - query;
    const std::int64_t all_windows = saturating_product(window, limits.max_chunks);
    const std::int64_t document = std::min({document_wanted, pair_room - query, all_windows});
    if (limits.truncate == Truncate::kNone && (query < query_all || document < document_wanted)) {
      const std::int64_t limit =
          special + (all_windows > pair_room - query ? pair_room : query + all_windows);
      offenders.push_back({pair, special + query_all + document_wanted, limit});
      continue;
    }

    std::int64_t tokens = 0;
    std::int64_t begin = 0;
    do {  // once even for an empty document: every pair has a row
      const std::int64_t here = std::min(window, document - begin);
      paired.rows.push_back({pair, query, begin, here});
      paired.row_tokens.push_back(special + query + here);
      tokens += paired.row_tokens.back();
      begin += here;
    } while (begin < document);
    paired.tokens_run.push_back(tokens);
    paired.truncated.push_back(query < query_all || document < document_all);
  }
  if (!offenders.empty()) throw TokenLimitExceeded(std::move(offenders));
  return paired;
}

}  // namespace rerank
