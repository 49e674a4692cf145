#include <pybind11/stl.h>

#include <tuple>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bind.h"
#include "core/batch_plan.h"

namespace rerank::bindings {

void bind_plan(py::module_& m) {
  m.def(
      "plan_batches",
      [](const Array<std::int64_t>& lengths, std::int64_t max_batch_tokens,
         std::int64_t max_batch_rows, std::int64_t width_multiple, std::int64_t max_width,
         std::int64_t workers) {
        const BatchPlan plan = plan_batches(
            view(lengths), {max_batch_tokens, max_batch_rows, width_multiple, max_width, workers});
        std::vector<std::tuple<std::vector<std::int64_t>, std::int64_t>> batches;
        for (const Batch& batch : plan.batches) {
          const auto begin = plan.order.begin() + batch.begin;
          batches.emplace_back(std::vector(begin, begin + batch.rows), batch.width);
        }
        return batches;
      },
      py::arg("lengths").noconvert(), py::kw_only(), py::arg("max_batch_tokens"),
      py::arg("max_batch_rows"), py::arg("width_multiple"), py::arg("max_width"),
      py::arg("workers"));
}

}  // namespace rerank::bindings
