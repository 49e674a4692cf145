// What to score and what came of it, as they cross the border.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <utility>

#include "bindings/arrays.h"
#include "bindings/call_handle.h"
#include "engine/job.h"

namespace rerank::bindings {

// The arrays of a Request; the caller keeps them until the job is done.
struct RequestArrays {
  Array<std::int32_t> query_ids;
  Array<std::int64_t> query_offsets;
  Array<std::int32_t> document_ids;
  Array<std::int64_t> document_offsets;
  Array<std::int64_t> query_of;

  Request with(const PairLimits& limits) const {
    return {view(query_ids, query_offsets), view(document_ids, document_offsets), view(query_of),
            limits};
  }
};

inline Call terms(const CallHandle* call) { return call == nullptr ? Call{} : call->call(); }

// (logits, tokens_run, truncated)
inline pybind11::tuple give(PairLogits result) {
  return pybind11::make_tuple(give(std::move(result.logits)), give(std::move(result.tokens_run)),
                              give(result.truncated));
}

}  // namespace rerank::bindings
