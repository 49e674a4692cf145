#include "bindings/bind.h"

// Nothing here keeps unguarded state, so the module needs no GIL of its own.
PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
  using namespace rerank::bindings;
  m.doc() = "Native core of rerank_core. Internal: use rerank_core.Reranker.";
  bind_pair(m);
  bind_plan(m);
  bind_ranking(m);
  bind_model(m);
  bind_tokenizer(m);
  bind_call(m);
  bind_engine(m);
  bind_pending(m);
  bind_build(m);
}
