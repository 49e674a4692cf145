#include <vector>

#include "bindings/arrays.h"
#include "bindings/bind.h"
#include "bindings/gil.h"
#include "core/ranking.h"

namespace rerank::bindings {

void bind_ranking(py::module_& m) {
  m.def(
      "rank",
      [](const Array<float>& logits, std::size_t top_n) {
        const auto values = view(logits);
        // Safe: the caller's reference keeps `logits` alive, and no Python object is touched.
        return give(without_gil([&] { return rank(values, top_n); }));
      },
      py::arg("logits").noconvert(), py::arg("top_n"));
  m.def(
      "sigmoid",
      [](const Array<float>& logits) {
        const auto values = view(logits);
        std::vector<double> scores(values.size());
        for (std::size_t i = 0; i < values.size(); ++i) scores[i] = sigmoid(values[i]);
        return give(std::move(scores));
      },
      py::arg("logits").noconvert());
}

}  // namespace rerank::bindings
