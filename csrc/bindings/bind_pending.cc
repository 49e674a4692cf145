#include <pybind11/stl.h>

#include <memory>
#include <utility>

#include "bindings/bind.h"
#include "bindings/completions.h"
#include "bindings/gil.h"
#include "bindings/request.h"
#include "core/error.h"
#include "engine/engine.h"

#ifndef _WIN32
namespace rerank::bindings {
namespace {

// A request that nobody waits for: its ticket is added to `completions` once it is done.
class Pending {
 public:
  Pending(py::object engine, RequestArrays arrays, const PairLimits& limits, const CallHandle& call,
          std::shared_ptr<Completions> completions, std::uint64_t ticket)
      : owner_(std::move(engine)), engine_(owner_.cast<Engine&>()), arrays_(std::move(arrays)) {
    const Request request = arrays_.with(limits);
    without_gil([&] {  // safe: this keeps alive what is borrowed, until the job is done
      job_ = engine_.submit(request, call.call());
      cancellation_ = engine_.stop_when_cancelled(job_);
      job_->when_done([completions = std::move(completions), ticket] { completions->add(ticket); });
    });
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending() {
    if (!job_) return;
    if (engine_.forked()) {  // its locks may be held for ever
      static_cast<void>(cancellation_.release());
      new std::shared_ptr<Job>(std::move(job_));
      return;
    }
    without_gil([&] {  // safe: Job knows no Python
      cancellation_.reset();
      if (job_->wait_for({})) return;
      engine_.cancel(*job_, std::make_exception_ptr(Error(Fault::kCancelled, "nobody waits")));
      job_->wait();
    });
  }

  // Stops it if its deadline has passed.
  void check_deadline() {
    with_gil([&] { engine_.wait_for(*job_, {}); });
  }

  py::tuple result() const {
    return give(with_gil([&] { return job_->result(); }));
  }

 private:
  const py::object owner_;  // keeps the engine
  Engine& engine_;
  const RequestArrays arrays_;
  std::shared_ptr<Job> job_;
  std::unique_ptr<Engine::Cancellation> cancellation_;
};

}  // namespace

void bind_pending(py::module_& m) {
  py::class_<Completions, std::shared_ptr<Completions>>(m, "Completions")
      .def(py::init<>())
      .def("fileno", &Completions::fileno)
      .def("take", &Completions::take);
  py::class_<Pending>(m, "Pending")
      .def(py::init([](py::object engine, Array<std::int32_t> query_ids,
                       Array<std::int64_t> query_offsets, Array<std::int32_t> document_ids,
                       Array<std::int64_t> document_offsets, Array<std::int64_t> query_of,
                       const PairLimits& limits, const CallHandle& call,
                       std::shared_ptr<Completions> completions, std::uint64_t ticket) {
             RequestArrays arrays{std::move(query_ids), std::move(query_offsets),
                                  std::move(document_ids), std::move(document_offsets),
                                  std::move(query_of)};
             return std::make_unique<Pending>(std::move(engine), std::move(arrays), limits, call,
                                              std::move(completions), ticket);
           }),
           py::arg("engine"), py::arg("query_ids").noconvert(),
           py::arg("query_offsets").noconvert(), py::arg("document_ids").noconvert(),
           py::arg("document_offsets").noconvert(), py::arg("query_of").noconvert(),
           py::arg("limits"), py::arg("call"), py::arg("completions"), py::arg("ticket"))
      .def("check_deadline", &Pending::check_deadline)
      .def("result", &Pending::result);
}

}  // namespace rerank::bindings
#else
namespace rerank::bindings {
void bind_pending(py::module_& /*no event loop there waits for a pipe*/) {}
}  // namespace rerank::bindings
#endif
