// The real thing: ONNX Runtime and a model from disk, from many threads at once.
//
//   session_test [libonnxruntime [model.onnx]]   else RERANK_CORE_ORT_LIBRARY, RERANK_CORE_TEST_MODEL
//
// Any BERT-like graph with a vocabulary of 1000 or more will do. Rows run one at a time, because not
// every graph gives a row the same bits in every company.
#include "ort/session.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/batch_plan.h"
#include "core/pack.h"
#include "core/pair.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "ort/capture_gate.h"
#include "ort/library.h"
#include "ort/memory_probe.h"
#include "ort/own_thread.h"
#include "ort/session_slots.h"
#include "tests/check.h"
#include "tests/fixtures.h"

namespace {

using namespace rerank;
using namespace rerank::test;

constexpr int kSkipped = 77;  // as CMakeLists.txt tells ctest

// Set once by main.
std::filesystem::path library_path;  // NOLINT(*-avoid-non-const-global-variables)
std::filesystem::path model_path;    // NOLINT(*-avoid-non-const-global-variables)

const ort::Library& library() { return ort::Library::open(library_path); }

void run(const ort::CrossEncoder& graph, const PackedBatch& batch, std::span<float> logits,
         const std::stop_token& stop = {}, const ort::RunTerms& terms = {}) {
  graph.run({batch.rows, batch.width, batch.input_ids.data(), batch.attention_mask.data(),
             batch.token_type_ids.data()},
            logits, stop, terms);
}

std::vector<Ids> random_texts(unsigned seed, std::size_t count, std::size_t longest) {
  std::mt19937 random(seed);
  std::vector<Ids> texts(count);
  for (Ids& text : texts) {
    text.resize(1 + random() % longest);
    for (std::int32_t& id : text) id = static_cast<std::int32_t>(5 + random() % 900);
  }
  return texts;
}

// The logits' bits, each pair run alone on the calling thread.
std::vector<std::uint32_t> serial(const ort::CrossEncoder& graph, const Ids& query,
                                  const std::vector<Ids>& documents,
                                  const std::stop_token& stop = {},
                                  const ort::RunTerms& terms = {}) {
  std::vector<std::uint32_t> bits;
  for (const Ids& document : documents) {
    PackedBatch batch;
    batch.rows = 1;
    batch.width = static_cast<std::int64_t>(query.size() + document.size() + 3);
    batch.input_ids.resize(static_cast<std::size_t>(batch.width));
    batch.token_type_ids.resize(static_cast<std::size_t>(batch.width));
    batch.attention_mask.assign(static_cast<std::size_t>(batch.width), 1);
    bert().write(query, document, batch.input_ids.data(), batch.token_type_ids.data());
    float logit = 0;
    run(graph, batch, {&logit, 1}, stop, terms);
    bits.push_back(std::bit_cast<std::uint32_t>(logit));
  }
  return bits;
}

void a_session_runs_on_many_threads_at_once() {
  const ort::CrossEncoder graph(library(), {.model = model_path, .provider_options = {}});
  const Ids query = random_texts(1, 1, 6)[0];
  const std::vector<Ids> documents = random_texts(2, 40, 60);
  const auto expected = serial(graph, query, documents);
  CHECK_EQ(
      std::adjacent_find(expected.begin(), expected.end(), std::not_equal_to<>()) != expected.end(),
      true);  // a model that says the same of everything would prove nothing
  on_threads(4, [&](int) {
    for (int i = 0; i < 5; ++i) CHECK_EQ(serial(graph, query, documents), expected);
  });
}

void an_engine_gives_what_the_session_gives() {
  const ort::CrossEncoder graph(library(), {.model = model_path, .provider_options = {}});
  Engine engine([&](const PackedBatch& batch, std::span<float> logits,
                    const std::stop_token& stop) { run(graph, batch, logits, stop); },
                bert(), {.max_batch_rows = 1, .workers = 3});
  on_threads(6, [&](int thread) {
    const auto seed = static_cast<unsigned>(10 + thread);
    const std::vector<Ids> texts = random_texts(seed, 25, 40);
    const Texts query({texts[0]});
    const Texts documents(texts);
    const std::vector<std::int64_t> query_of(texts.size(), 0);
    const auto expected = serial(graph, texts[0], texts);
    for (int i = 0; i < 5; ++i) {
      const auto job =
          engine.submit({query.view(), documents.view(), query_of, {.row_tokens = 128}});
      job->wait();
      std::vector<std::uint32_t> bits;
      for (const float logit : job->result().logits)
        bits.push_back(std::bit_cast<std::uint32_t>(logit));
      CHECK_EQ(bits, expected);
    }
  });
  CHECK_EQ(engine.counters().rows.load(), 6 * 5 * 25);
}

void a_wide_session_gives_the_same_bits() {
  ort::CrossEncoder graph(library(),
                          {.model = model_path, .provider_options = {}, .shares_weights = true});
  const Ids query = random_texts(4, 1, 6)[0];
  const std::vector<Ids> documents = random_texts(5, 20, 300);
  const auto expected = serial(graph, query, documents);
  for (const int threads : {2, 3, 7}) {
    graph.widen(threads);
    CHECK_EQ(graph.is_wide(), true);
    on_threads(4, [&](int thread) {
      const ort::RunTerms terms{.wide = thread < 2, .shrink = thread % 2 == 0};
      CHECK_EQ(serial(graph, query, documents, {}, terms), expected);
    });
  }
  graph.widen(1);
  CHECK_EQ(graph.is_wide(), false);
  CHECK_EQ(serial(graph, query, documents), expected);
}

void sessions_of_their_own_give_the_same_bits() {
  for (const bool shares : {true, false}) {
    ort::CrossEncoder graph(
        library(), {.model = model_path, .provider_options = {}, .shares_weights = shares});
    const Ids query = random_texts(4, 1, 6)[0];
    const std::vector<Ids> documents = random_texts(5, 20, 300);
    const auto expected = serial(graph, query, documents);
    for (const std::size_t most : {2, 3, 8}) {
      graph.spread(most);
      on_threads(5, [&](int /*thread*/) { CHECK_EQ(serial(graph, query, documents), expected); });
    }
  }
}

// Logits of one batch: padded to the widest row, or packed.
std::vector<float> together(const ort::CrossEncoder& graph, const Ids& query,
                            const std::vector<Ids>& documents, bool packed) {
  std::vector<std::int64_t> tokens;
  for (const Ids& document : documents)
    tokens.push_back(static_cast<std::int64_t>(query.size() + document.size() + 3));
  const std::int64_t width = *std::max_element(tokens.begin(), tokens.end());
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> mask;
  std::vector<std::int64_t> types;
  for (std::size_t row = 0; row < documents.size(); ++row) {
    const std::size_t at = ids.size();
    const auto end = at + static_cast<std::size_t>(packed ? tokens[row] : width);
    ids.resize(end);
    types.resize(end);
    mask.resize(end);
    bert().write(query, documents[row], ids.data() + at, types.data() + at);
    std::fill_n(mask.data() + at, tokens[row], 1);
  }
  std::vector<float> logits(documents.size());
  graph.run({static_cast<std::int64_t>(documents.size()), packed ? 0 : width, ids.data(),
             packed ? nullptr : mask.data(), types.data(), tokens},
            logits);
  return logits;
}

void what_is_captured_gives_the_same_logits() {
  const ort::CrossEncoder plain(library(), {.model = model_path, .provider_options = {}});
  ort::CrossEncoder graph(library(), {.model = model_path, .provider_options = {}});
  graph.capture(model_path, 512, 100);
  // Widths 32, 64, 96, 100 by 1, 2 and 4 rows; 32 and 64 by 8; 32 by 16.
  CHECK_EQ(graph.captures(), std::size_t{15});
  on_threads(4, [&](int thread) {
    for (const std::size_t rows : {1, 2, 3, 4, 5, 7, 11}) {
      const auto seed = static_cast<unsigned>(rows * 10) + static_cast<unsigned>(thread);
      const Ids query = random_texts(seed, 1, 6)[0];
      const std::vector<Ids> documents = random_texts(seed + 1, rows, rows < 5 ? 80 : 20);
      const std::vector<float> expected = together(plain, query, documents, false);
      for (const bool packed : {true, false}) {
        const std::vector<float> found = together(graph, query, documents, packed);
        for (std::size_t row = 0; row < rows; ++row)
          CHECK_EQ(std::abs(found[row] - expected[row]) < 1e-4f, true);
      }
    }
  });
  // What no recording holds runs as ever: to the bit.
  const Ids query = random_texts(4, 1, 6)[0];
  const std::vector<Ids> wide = {Ids(120, 7), Ids(110, 9)};
  const std::vector<Ids> many = random_texts(5, 40, 30);
  for (const auto& documents : {wide, many})
    CHECK_EQ(together(graph, query, documents, false), together(plain, query, documents, false));
  graph.capture(model_path, 0, 100);
  CHECK_EQ(graph.captures(), std::size_t{0});
}

void what_cannot_be_captured_is_an_error() {
  ort::CrossEncoder graph(library(), {.model = model_path, .provider_options = {}});
  const Ids query = random_texts(4, 1, 6)[0];
  const std::vector<Ids> documents = random_texts(5, 3, 30);
  const auto expected = serial(graph, query, documents);
  CHECK_EQ(fault([&] { graph.capture(model_path.parent_path() / "none.onnx", 512, 128); }),
           "kModel");
  CHECK_EQ(graph.captures(), std::size_t{0});
  CHECK_EQ(serial(graph, query, documents), expected);
}

void a_recording_is_alone() {
  ort::CaptureGate gate;
  std::atomic<int> inside = 0;
  std::atomic<bool> recording = false;
  on_threads(6, [&](int thread) {
    for (int i = 0; i < 200; ++i) {
      if (thread < 2) {
        const ort::CaptureGate::Recording alone(gate);
        CHECK_EQ(recording.exchange(true), false);
        CHECK_EQ(inside.load(), 0);
        recording = false;
      } else {
        const ort::CaptureGate::Use use(gate);
        ++inside;
        CHECK_EQ(recording.load(), false);
        --inside;
      }
    }
  });
}

void a_thread_of_its_own_does_what_it_is_asked() {
  ort::OwnThread own;
  std::thread::id id{};
  own.run([&] { id = std::this_thread::get_id(); });
  CHECK_EQ(id != std::this_thread::get_id(), true);
  int sum = 0;  // no lock: it is only ever that thread's
  on_threads(4, [&](int) {
    for (int i = 0; i < 100; ++i)
      own.run([&] {
        CHECK_EQ(std::this_thread::get_id() == id, true);
        ++sum;
      });
  });
  CHECK_EQ(sum, 400);
  CHECK_EQ(fault([&] { own.run([] { throw Error(Fault::kRun, "of a job"); }); }), "kRun");
  own.run([&] { sum = 1; });
  CHECK_EQ(sum, 1);
}

void a_thread_keeps_its_session() {
  std::atomic<int> made = 0;
  std::array<int, 4> places{};  // what slots hold is never looked into
  const auto session = [&](int place) {
    return reinterpret_cast<ort::Session*>(&places[static_cast<std::size_t>(place)]);
  };
  const auto forget = [](ort::Session* /*a place*/) {};
  ort::SessionSlots slots(session(0), 3, [&]() -> ort::Owned<ort::Session> {
    if (++made == 2) throw Error(Fault::kModel, "no memory");
    return {session(made), forget};
  });
  std::vector<ort::Session*> seen;
  const auto run = [&](auto&& inner) {
    slots.with_session([&](ort::Session* had) {
      seen.push_back(had);
      inner();
    });
  };
  const auto elsewhere = [&](auto&& inner) { std::jthread([&] { run(inner); }); };
  const auto nothing = [] {};
  run([&] { elsewhere([&] { elsewhere(nothing); }); });
  CHECK_EQ(seen, {session(0), session(1), session(0)});  // the third shares: none could be made
  CHECK_EQ(made.load(), 2);
  run([&] { elsewhere([&] { elsewhere(nothing); }); });
  CHECK_EQ(made.load(), 2);  // and it is not tried again
  seen.clear();
  elsewhere([&] {
    run(nothing);
    run([&] { elsewhere(nothing); });
    run(nothing);
  });
  // The outer run has the one, or the other where a thread that ended had the same id.
  CHECK_EQ(seen[0] == seen[1], false);
  CHECK_EQ(seen[1] == seen[2] && seen[1] == seen[4], true);
}

void a_session_that_shares_nothing_is_not_widened() {
  ort::CrossEncoder graph(library(), {.model = model_path, .provider_options = {}});
  graph.widen(4);
  CHECK_EQ(graph.is_wide(), false);
}

void what_a_row_takes_is_seen() {
  const auto seen =
      ort::probe_memory(library(), {.model = model_path, .provider_options = {}}, 100, 5);
  std::vector<std::int64_t> widths;
  for (const auto& [width, bytes] : seen) {
    CHECK_EQ(bytes > (widths.empty() ? 0 : static_cast<std::int64_t>(widths.back())), true);
    widths.push_back(width);
  }
  CHECK_EQ(widths, {16, 32, 64, 100});
  CHECK_EQ(std::is_sorted(seen.begin(), seen.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; }),
           true);
}

void a_run_ends_early_when_it_is_stopped() {
  const ort::CrossEncoder graph(library(), {.model = model_path, .provider_options = {}});
  const std::vector<Ids> texts = random_texts(3, 1, 60);
  const auto expected = serial(graph, texts[0], texts);
  const auto stopped_by = [&](const std::stop_token& stop) {
    return fault([&] { CHECK_EQ(serial(graph, texts[0], texts, stop), expected); });
  };
  std::stop_source source;
  CHECK_EQ(stopped_by(source.get_token()), "nothing was thrown");
  source.request_stop();
  CHECK_EQ(stopped_by(source.get_token()), "kRun");
  on_threads(4, [&](int) {
    for (int i = 0; i < 50; ++i) {
      std::stop_source mine;
      const std::jthread other([&] { mine.request_stop(); });
      const std::string_view found = stopped_by(mine.get_token());
      CHECK_EQ(found == "kRun" || found == "nothing was thrown", true);
    }
  });
  CHECK_EQ(serial(graph, texts[0], texts), expected);
}

void sessions_are_made_on_many_threads_at_once() {
  on_threads(4, [](int) {
    const ort::CrossEncoder graph(ort::Library::open(library_path),
                                  {.model = model_path, .provider_options = {}});
    CHECK_EQ(serial(graph, {7}, {{8, 9}}).size(), 1);
  });
}

void a_missing_provider_is_an_error() {
  const auto with = [](const ort::SessionConfig& config) {
    return [config] { const ort::CrossEncoder graph(library(), config); };
  };
  const auto there = library().providers();
  std::string has;
  for (const std::string& name : there) has += (has.empty() ? "" : ", ") + name;
  CHECK_EQ(std::count(there.begin(), there.end(), "CPUExecutionProvider"), 1);
  const auto none = with({model_path, "NoExecutionProvider", {}});
  CHECK_EQ(fault(none), "kProvider");
  CHECK_EQ(thrown<Error>(none), "NoExecutionProvider is not in the installed onnxruntime " +
                                    library().version() + ", which has " + has);
  if (std::count(there.begin(), there.end(), "CUDAExecutionProvider") == 0)
    CHECK_EQ(fault(with({model_path, "CUDAExecutionProvider", {}})), "kProvider");
  CHECK_EQ(fault(with({model_path, "CPUExecutionProvider", {{"device_id", "0"}}})), "kProvider");
}

// A file with the given content, for as long as this lives.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content)
      : path_(std::filesystem::temp_directory_path() /
              ("rerank_core_session_test_" + std::to_string(getpid()))) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void what_is_no_model_is_an_error() {
  const auto with = [](const std::filesystem::path& path) {
    const auto fault_of = [&](bool shares) {
      return fault([&] {
        const ort::CrossEncoder graph(
            library(), {.model = path, .provider_options = {}, .shares_weights = shares});
      });
    };
    CHECK_EQ(fault_of(true), fault_of(false));
    return fault_of(false);
  };
  std::ifstream file(model_path, std::ios::binary);
  const std::string model{std::istreambuf_iterator<char>(file), {}};
  CHECK_EQ(with(TemporaryFile("a text\n").path()), "kModel");
  CHECK_EQ(with(TemporaryFile("").path()), "kModel");
  CHECK_EQ(with(TemporaryFile(model.substr(0, model.size() / 2)).path()), "kModel");
  CHECK_EQ(with(model_path.parent_path()), "kModel");
  CHECK_EQ(with(model_path.parent_path() / "not_there.onnx"), "kModel");
}

void what_is_no_onnxruntime_is_an_error() {
  const auto open = [](const std::filesystem::path& path) {
    return [path] { ort::Library::open(path); };
  };
  CHECK_EQ(fault(open(TemporaryFile("a text\n").path())), "kProvider");
  CHECK_EQ(fault(open("/not/there.so")), "kProvider");
#ifdef __GLIBC__
  CHECK_EQ(thrown<Error>(open("libm.so.6")),
           "libm.so.6 is not ONNX Runtime: no OrtGetApiBase in it");
#endif
  CHECK_EQ(&library() == &library(), true);  // one per path and process
}

std::string setting(int count, const char* const* arguments, int index, const char* name) {
  if (count > index) return arguments[index];
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): only main runs yet
  return value == nullptr ? "" : value;
}

void what_cuda_said_is_told() {
  CHECK_EQ(
      ort::cuda_failure(
          "cuda_call.cc:154 void CudaCall(ERRTYPE) CUDA failure 100: no CUDA-capable device is "
          "detected ; GPU=-1 ; hostname=here ; file=cuda_call.cc ; line=70 ; expr=cudaSetDevice;"),
      "CUDA failure 100: no CUDA-capable device is detected");
  CHECK_EQ(ort::cuda_failure("CUDA failure 2: out of memory"), "CUDA failure 2: out of memory");
  CHECK_EQ(ort::cuda_failure("cannot load model.onnx: no such file"), "");
}

void a_device_is_the_last_that_was_named() {
  const ort::SessionConfig config{.model = {},
                                  .provider_options = {{"device_id", "1"}, {"device_id", "3"}}};
  CHECK_EQ(config.device(), 3);
  CHECK_EQ(ort::SessionConfig{}.device(), 0);
}

}  // namespace

int main(int count, char* arguments[]) {
  library_path = setting(count, arguments, 1, "RERANK_CORE_ORT_LIBRARY");
  model_path = setting(count, arguments, 2, "RERANK_CORE_TEST_MODEL");
  for (const auto& path : {library_path, model_path}) {
    if (std::filesystem::exists(path)) continue;
    std::cout
        << "skipped: set RERANK_CORE_ORT_LIBRARY and RERANK_CORE_TEST_MODEL; there is no file '"
        << path.string() << "'\n";
    return kSkipped;
  }
  return run_all({
      {"a session runs on many threads at once", a_session_runs_on_many_threads_at_once},
      {"an engine gives what the session gives", an_engine_gives_what_the_session_gives},
      {"a wide session gives the same bits", a_wide_session_gives_the_same_bits},
      {"sessions of their own give the same bits", sessions_of_their_own_give_the_same_bits},
      {"what is captured gives the same logits", what_is_captured_gives_the_same_logits},
      {"what cannot be captured is an error", what_cannot_be_captured_is_an_error},
      {"a recording is alone", a_recording_is_alone},
      {"a thread of its own does what it is asked", a_thread_of_its_own_does_what_it_is_asked},
      {"a thread keeps its session", a_thread_keeps_its_session},
      {"a session that shares nothing is not widened",
       a_session_that_shares_nothing_is_not_widened},
      {"what a row takes is seen", what_a_row_takes_is_seen},
      {"a run ends early when it is stopped", a_run_ends_early_when_it_is_stopped},
      {"sessions are made on many threads at once", sessions_are_made_on_many_threads_at_once},
      {"a missing provider is an error", a_missing_provider_is_an_error},
      {"what CUDA said is told", what_cuda_said_is_told},
      {"a device is the last that was named", a_device_is_the_last_that_was_named},
      {"what is no model is an error", what_is_no_model_is_an_error},
      {"what is no ONNX Runtime is an error", what_is_no_onnxruntime_is_an_error},
  });
}
