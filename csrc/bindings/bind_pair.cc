#include <pybind11/stl.h>

#include <string>
#include <tuple>

#include "bindings/arrays.h"
#include "bindings/bind.h"
#include "bindings/limits.h"
#include "core/pack.h"
#include "core/pair.h"

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

// One padded batch of all rows: what the engine packs, for tests and for those who run the model
// themselves.
py::dict pack_pairs(const PairTemplate& layout, const Array<std::int32_t>& query_ids,
                    const Array<std::int64_t>& query_offsets,
                    const Array<std::int32_t>& document_ids,
                    const Array<std::int64_t>& document_offsets,
                    const Array<std::int64_t>& query_of, const py::kwargs& limits) {
  const Encoded queries = view(query_ids, query_offsets);
  const Encoded documents = view(document_ids, document_offsets);
  const PairedRows paired =
      pair_rows(layout, queries, documents, view(query_of), make_limits(limits));

  std::vector<std::int64_t> order(paired.rows.size());
  std::vector<std::int64_t> pair_of(paired.rows.size());
  std::int64_t width = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<std::int64_t>(i);
    pair_of[i] = paired.rows[i].pair;
    width = std::max(width, paired.row_tokens[i]);
  }
  PackedBatch packed;
  pack(layout, queries, documents, view(query_of), paired, order, width, packed);

  const auto matrix = [&](std::vector<std::int64_t>& flat) {
    return give(std::move(flat)).reshape({packed.rows, packed.width});
  };
  py::dict result;
  result["input_ids"] = matrix(packed.input_ids);
  result["attention_mask"] = matrix(packed.attention_mask);
  result["token_type_ids"] = matrix(packed.token_type_ids);
  result["pair_of"] = give(std::move(pair_of));
  result["row_tokens"] = give(paired.row_tokens);
  result["pair_tokens"] = give(paired.pair_tokens);
  result["truncated"] = give(paired.truncated);
  return result;
}

}  // namespace

void bind_pair(py::module_& m) {
  py::class_<PairTemplate>(m, "PairTemplate")
      .def(py::init(&make_template), py::arg("pieces"))
      .def_property_readonly("num_special", &PairTemplate::num_special);
  m.def("pack_pairs", &pack_pairs, py::arg("layout"), py::arg("query_ids").noconvert(),
        py::arg("query_offsets").noconvert(), py::arg("document_ids").noconvert(),
        py::arg("document_offsets").noconvert(), py::arg("query_of").noconvert());
}

}  // namespace rerank::bindings
