#include <pybind11/stl.h>

#include <string>
#include <tuple>

#include "bindings/arrays.h"
#include "bindings/bind.h"
#include "bindings/gil.h"
#include "core/pack.h"
#include "core/pair.h"
#include "core/row_key.h"

namespace rerank::bindings {
namespace {

using Piece = std::tuple<std::string, std::int32_t, std::int32_t>;

PairTemplate make_template(const std::vector<Piece>& pieces) {
  std::vector<PairPiece> made;
  for (const auto& [kind, id, type_id] : pieces) {
    if (kind == "special")
      made.push_back({PairPiece::Kind::kSpecial, id, type_id});
    else if (kind == "query")
      made.push_back({PairPiece::Kind::kQuery, id, type_id});
    else if (kind == "document")
      made.push_back({PairPiece::Kind::kDocument, id, type_id});
    else
      throw py::value_error("a piece is special, query or document, not " + kind);
  }
  return PairTemplate(std::move(made));
}

PairLimits make_limits(std::int64_t row_tokens, std::int64_t pair_tokens, std::int64_t doc_tokens,
                       std::int64_t max_chunks, const std::string& truncate) {
  if (truncate != "END" && truncate != "NONE") throw py::value_error("truncate is END or NONE");
  return {row_tokens, pair_tokens, doc_tokens, max_chunks,
          truncate == "END" ? Truncate::kEnd : Truncate::kNone};
}

// One padded batch of all rows: what the engine packs, for tests and for those who run the model
// themselves.
py::dict pack_pairs(const PairTemplate& layout, const Array<std::int32_t>& query_ids,
                    const Array<std::int64_t>& query_offsets,
                    const Array<std::int32_t>& document_ids,
                    const Array<std::int64_t>& document_offsets,
                    const Array<std::int64_t>& query_of, const PairLimits& limits) {
  const Encoded queries = view(query_ids, query_offsets);
  const Encoded documents = view(document_ids, document_offsets);
  const auto owners = view(query_of);
  // Safe: the caller's references keep the arrays alive.
  const PairedRows paired =
      without_gil([&] { return pair_rows(layout, queries, documents, owners, limits); });

  std::vector<std::int64_t> order(paired.rows.size());
  std::vector<std::int64_t> pair_of(paired.rows.size());
  std::int64_t width = 0;
  const auto keys = row_keys(RowSecret::random(), queries, documents, owners, paired);
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<std::int64_t>(i);
    pair_of[i] = paired.rows[i].pair;
    width = std::max(width, paired.row_tokens[i]);
  }
  PackedBatch packed;
  packed.begin(width);
  pack(layout, queries, documents, owners, paired, order, packed);

  const auto matrix = [&](std::vector<std::int64_t>& flat) {
    return give(std::move(flat)).reshape({packed.rows, packed.width});
  };
  py::dict result;
  result["input_ids"] = matrix(packed.input_ids);
  result["attention_mask"] = matrix(packed.attention_mask);
  result["token_type_ids"] = matrix(packed.token_type_ids);
  result["pair_of"] = give(std::move(pair_of));
  result["row_tokens"] = give(paired.row_tokens);
  result["tokens_run"] = give(paired.tokens_run);
  result["truncated"] = give(paired.truncated);
  result["first_equal"] = give(first_equal(keys));
  return result;
}

}  // namespace

void bind_pair(py::module_& m) {
  py::class_<PairTemplate>(m, "PairTemplate")
      .def(py::init(&make_template), py::arg("pieces"))
      .def_property_readonly("num_special", &PairTemplate::num_special);
  py::class_<PairLimits>(m, "PairLimits")
      .def(py::init(&make_limits), py::kw_only(), py::arg("row_tokens"),
           py::arg("pair_tokens") = PairLimits::kUnlimited,
           py::arg("doc_tokens") = PairLimits::kUnlimited, py::arg("max_chunks") = 1,
           py::arg("truncate") = "END");
  m.def("document_room", &document_room, py::arg("layout"), py::arg("query_tokens"),
        py::arg("limits"));
  m.def("pack_pairs", &pack_pairs, py::arg("layout"), py::arg("query_ids").noconvert(),
        py::arg("query_offsets").noconvert(), py::arg("document_ids").noconvert(),
        py::arg("document_offsets").noconvert(), py::arg("query_of").noconvert(),
        py::arg("limits"));
}

}  // namespace rerank::bindings
