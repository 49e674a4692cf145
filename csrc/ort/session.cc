#include "ort/session.h"

#include <cassert>
#include <string_view>
#include <utility>

namespace rerank::ort {

CrossEncoder::CrossEncoder(const Library& library, SessionConfig config)
    : library_(library),
      api_(library.api()),
      config_(std::move(config)),
      file_(config_.model.string()),
      arena_(config_.is_cuda() ? "gpu:" + std::to_string(config_.device()) : "cpu:0"),
      packed_(nullptr, api_.ReleasePrepackedWeightsContainer),
      session_(nullptr, api_.ReleaseSession),
      wide_(nullptr, api_.ReleaseSession) {
  make_narrow();
  spread(1);
  feeds_.emplace(library_, session_.get(), config_);
  logits_.emplace(library_, session_.get(), file_);
}

void CrossEncoder::make_narrow() {
  if (config_.shares_weights) try {
      weights_.emplace(library_, config_.model);
      packed_ = own<PrepackedWeights>(api_.ReleasePrepackedWeightsContainer,
                                      [&](PrepackedWeights** made) {
                                        library_.check(api_.CreatePrepackedWeightsContainer(made),
                                                       Fault::kProvider, "onnxruntime");
                                      });
      session_ = make_session(1);
      return;
    } catch (const Error&) {  // not every operator can share; a broken file is told of below
      packed_.reset();
      weights_.reset();
    }
  try {
    session_ = make_session(1);
  } catch (const Error& error) {
    // What computes shapes ONNX Runtime always puts on the CPU: then a whole graph cannot be had.
    if (!config_.is_whole ||
        std::string_view(error.what()).find("default CPU EP") == std::string_view::npos)
      throw;
    config_.is_whole = false;
    session_ = make_session(1);
  }
}

void CrossEncoder::widen(int threads) {
  wide_.reset();
  if (threads < 2 || !weights_) return;
  try {
    wide_ = make_session(threads);
  } catch (const Error&) {  // as above
  }
}

void CrossEncoder::spread(std::size_t threads) {
  slots_ = std::make_unique<SessionSlots>(session_.get(), weights_ ? threads : 1,
                                          [this] { return make_session(1); });
}

void CrossEncoder::capture(const std::filesystem::path& padded, std::int64_t max_tokens,
                           std::int64_t max_width) {
  captured_.reset();
  if (max_tokens < 1) return;
  SessionConfig config = config_;
  config.model = padded;
  const CaptureGate::Recording alone(CaptureGate::shared());
  captured_ =
      std::make_unique<CapturedRuns>(library_, std::move(config), max_tokens, max_width, alone);
}

Owned<Session> CrossEncoder::make_session(int threads) const try {
  std::optional<CaptureGate::Use> use;
  if (config_.is_cuda()) use.emplace(CaptureGate::shared());
  const auto options = make_options(library_, config_, threads);
  if (weights_) weights_->add_to(options.get());
  const PathChar* const model = config_.model.c_str();
  return own<Session>(api_.ReleaseSession, [&](Session** made) {
    library_.check(packed_ ? api_.CreateSessionWithPrepackedWeightsContainer(
                                 library_.env(), model, options.get(), packed_.get(), made)
                           : api_.CreateSession(library_.env(), model, options.get(), made),
                   Fault::kModel, "cannot load " + file_);
  });
} catch (const Error& error) {
  const std::string failure = cuda_failure(error.what());
  if (failure.empty()) throw;
  throw Error(Fault::kProvider,
              "CUDA device " + std::to_string(config_.device()) + " cannot be used: " + failure);
}

void CrossEncoder::check_run(Status* status, const Inputs& inputs) const {
  if (status == nullptr) return;  // before the words are put together
  library_.check(status, Fault::kRun,
                 file_ + " failed on " + std::to_string(inputs.rows) + " rows of " +
                     std::to_string(inputs.widest()) +
                     " tokens (if only long rows do, lower max_length)");
}

void CrossEncoder::run(const Inputs& inputs, std::span<float> logits, const std::stop_token& stop,
                       const RunTerms& terms) const {
  assert(logits.size() == static_cast<std::size_t>(inputs.rows));
  assert(!terms.wide || is_wide());
  if (captured_ && captured_->holds(inputs)) return captured_->run(inputs, logits);
  std::optional<CaptureGate::Use> use;
  if (config_.is_cuda()) use.emplace(CaptureGate::shared());
  const auto check = [&](Status* status) { check_run(status, inputs); };
  const Feeds::Tensors tensors = feeds_->tensors(inputs);
  const auto options = own<RunOptions>(
      api_.ReleaseRunOptions, [&](RunOptions** made) { check(api_.CreateRunOptions(made)); });
  // 2026-11-21, MiniLM-L6, two workers: MB above the model after 60 passages, then after 32 x 512 tokens.
  // The arena as it is: 21, 990. Shrunk after each run: 75 to 140, 70. Extended by what is asked for:
  // 62, 950. None: 30 to 80, 180, and runs up to a tenth slower. Shrinking it after runs of 2,048 tokens
  // cost no time that could be seen.
  if (terms.shrink)
    check(api_.AddRunConfigEntry(options.get(), "memory.enable_memory_arena_shrinkage",
                                 arena_.c_str()));
  // ONNX Runtime looks at it between two operators.
  const std::stop_callback terminate(stop, [&] {
    if (Status* status = api_.RunOptionsSetTerminate(options.get())) api_.ReleaseStatus(status);
  });
  const char* output_name = logits_->name().c_str();
  const auto output = own<Value>(api_.ReleaseValue, [&](Value** made) {
    const auto run_on = [&](Session* session) {
      check(api_.Run(session, options.get(), tensors.names.data(), tensors.values.data(),
                     tensors.values.size(), &output_name, 1, made));
    };
    if (terms.wide)
      run_on(wide_.get());
    else
      slots_->with_session(run_on);
  });
  void* raw = nullptr;
  check(api_.GetTensorMutableData(output.get(), &raw));
  logits_->reduce(raw, logits_->labels(output.get(), inputs.rows), logits);
}

}  // namespace rerank::ort
