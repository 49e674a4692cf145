#include <pybind11/stl.h>

#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bind.h"
#include "bindings/call_handle.h"
#include "bindings/gil.h"
#include "bindings/native_tokenizer.h"
#include "bindings/request.h"
#include "engine/engine.h"
#include "ort/session.h"

namespace rerank::bindings {
namespace {

// How long Ctrl-C may wait to be noticed.
constexpr std::chrono::milliseconds kSignalPoll{50};

// Bytes that are tokenized in less time than a switch of threads takes.
constexpr std::size_t kShortText = 1 << 12;

constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::max();

// Joining workers, and giving a session back, may take as long as a batch: never under the GIL,
// which a thread that waits for its scores needs to come home.
struct CloseWithoutGil {
  void operator()(Engine* engine) const {
    without_gil([engine] { delete engine; });  // safe: Engine knows no Python
  }
};
using EngineHolder = std::unique_ptr<Engine, CloseWithoutGil>;

using SeenMemory = std::vector<std::pair<std::int64_t, std::int64_t>>;  // width, bytes

EngineHolder make_engine(const std::shared_ptr<ort::CrossEncoder>& model,
                         const PairTemplate& layout, std::int64_t threads, std::int64_t cpus,
                         std::int64_t max_batch_tokens, std::int64_t max_batch_rows,
                         std::int64_t width_multiple, std::int64_t max_width,
                         const SeenMemory& row_memory, std::int64_t memory_limit,
                         std::int64_t max_queued_rows, std::int64_t max_queued_tokens, bool refuse,
                         std::size_t cache_rows, bool coalesces, std::int64_t max_runs) {
  const auto runs = [&](bool wide) -> RunBatch {
    return [=](const PackedBatch& batch, std::span<float> logits, const std::stop_token& stop) {
      // A row that is wider than the budget is a peak, whose memory is not kept for the next.
      model->run({batch.rows, batch.width, batch.input_ids.data(), batch.attention_mask.data(),
                  batch.token_type_ids.data(), batch.row_tokens},
                 logits, stop, {wide, batch.tokens() > max_batch_tokens});
    };
  };
  // Safe: the arguments are C++ values by now.
  return EngineHolder(without_gil([&] {
    return new Engine(
        runs(false), layout,
        {max_batch_tokens, max_batch_rows, width_multiple, max_width, threads,
         RowMemory(row_memory), memory_limit, model->is_packed()},
        {max_queued_rows, max_queued_tokens, refuse},
        {model->is_wide() ? runs(true) : RunBatch(), cpus, cache_rows, coalesces, max_runs});
  }));
}

// The result of the task that `start` gives. The GIL is away from the start to the result, except where
// Python shows signals: there they are looked at now and then, and one stops the task.
template <class Start>
auto result_of(Engine& engine, const CallHandle* call, const Start& start) {
  const bool signals = call == nullptr || call->signals();
  const std::chrono::milliseconds poll = signals ? kSignalPoll : std::chrono::hours(1);
  std::invoke_result_t<Start> task;
  std::optional<decltype(task->result())> result;
  while (true) {
    without_gil(
        [&] {  // safe: the caller's frame keeps alive what is borrowed until the task is done
          if (!task) task = start();
          if (engine.wait_for(*task, poll)) result = task->result();
        });
    if (result) return *std::move(result);
    if (signals && PyErr_CheckSignals() != 0) {
      const py::error_already_set interrupt;
      without_gil([&] {  // safe: as above
        engine.cancel(*task, std::make_exception_ptr(Error(Fault::kCancelled, "interrupted")));
        task->wait();
      });
      throw interrupt;
    }
  }
}

py::tuple run(Engine& engine, const Array<std::int32_t>& query_ids,
              const Array<std::int64_t>& query_offsets, const Array<std::int32_t>& document_ids,
              const Array<std::int64_t>& document_offsets, const Array<std::int64_t>& query_of,
              const PairLimits& limits, const CallHandle* call) {
  const RequestArrays arrays{query_ids, query_offsets, document_ids, document_offsets, query_of};
  const Request request = arrays.with(limits);
  return give(result_of(engine, call, [&] { return engine.submit(request, terms(call)); }));
}

// On the workers, or here where there is too little to divide. 2026-11-20: a hundred passages encoded
// here instead of on two workers took twice as long after a run, whose data is then in the caches.
py::tuple encode(Engine& engine, NativeTokenizer& native, const py::tuple& texts, std::size_t limit,
                 const CallHandle* call) {
  const std::vector<std::string_view> given = views(texts);
  std::size_t bytes = 0;
  for (const std::string_view text : given) bytes += text.size();
  // The tuple, which the caller's frame holds, keeps the texts alive, and they are immutable.
  EncodeBatch batch(native.tokenizer, native.pool, given, limit);
  if (batch.num_slices() > 1)
    return give(
        result_of(engine, call, [&] { return engine.encode(std::move(batch), terms(call)); }));
  const auto here = [&] {
    engine.check(terms(call));
    if (batch.num_slices() == 1) batch.run(0);
    return batch.result();
  };
  return give(bytes > kShortText ? without_gil(here) : with_gil(here));  // safe: as above
}

py::dict counters(const Engine& engine) {
  const Counters& sums = engine.counters();
  py::dict result;
  result["requests"] = sums.requests.load();
  result["batches"] = sums.batches.load();
  result["rows"] = sums.rows.load();
  result["tokens"] = sums.tokens.load();
  result["padded_tokens"] = sums.padded_tokens.load();
  result["run_ns"] = sums.run_ns.load();
  result["wait_ns"] = sums.wait_ns.load();
  result["truncated"] = sums.truncated.load();
  result["repeats"] = sums.repeats.load();
  result["cache_hits"] = sums.cache_hits.load();
  result["cancelled"] = sums.cancelled.load();
  result["deadline_exceeded"] = sums.deadline_exceeded.load();
  result["rejected"] = sums.rejected.load();
  result["failed"] = sums.failed.load();
  const QueueDepth depth = engine.depth();
  result["queued_rows"] = depth.rows;
  result["queued_tokens"] = depth.tokens;
  result["queued_calls"] = depth.tasks;
  result["cached_rows"] = engine.cached_rows();
  return result;
}

}  // namespace

void bind_engine(py::module_& m) {
  py::class_<Engine, EngineHolder>(m, "Engine")
      .def(py::init(&make_engine), py::kw_only(), py::arg("model"), py::arg("layout"),
           py::arg("threads"), py::arg("cpus"), py::arg("max_batch_tokens"),
           py::arg("max_batch_rows"), py::arg("width_multiple"), py::arg("max_width"),
           py::arg("row_memory") = SeenMemory(), py::arg("memory_limit") = kUnbounded,
           py::arg("max_queued_rows") = kUnbounded, py::arg("max_queued_tokens") = kUnbounded,
           py::arg("refuse") = false, py::arg("cache_rows") = 0, py::arg("coalesces") = true,
           py::arg("max_runs") = kUnbounded)
      .def("run", &run, py::arg("query_ids").noconvert(), py::arg("query_offsets").noconvert(),
           py::arg("document_ids").noconvert(), py::arg("document_offsets").noconvert(),
           py::arg("query_of").noconvert(), py::arg("limits"), py::arg("call") = py::none())
      .def("encode", &encode, py::arg("tokenizer"), py::arg("texts"), py::kw_only(),
           py::arg("limit"), py::arg("call") = py::none())
      .def("counters", &counters)
      .def(
          "check",
          [](Engine& engine, const CallHandle* call) {
            with_gil([&] { engine.check(terms(call)); });
          },
          py::arg("call") = py::none())
      .def("check_room", [](Engine& engine) { with_gil([&] { engine.check_room(); }); })
      .def("close", [](Engine& engine) {
        // Safe: Engine knows no Python. Needed: a thread that waits for scores comes home by the GIL.
        without_gil([&] { engine.close(); });
      });
}

}  // namespace rerank::bindings
