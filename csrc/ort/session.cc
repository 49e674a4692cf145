#include "ort/session.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <string_view>
#include <utility>

namespace rerank::ort {
namespace {

// IEEE 754 binary16 to binary32, exact.
float from_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fu;
  const std::uint32_t fraction = half & 0x3ffu;
  if (exponent == 0) {
    const float tiny = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -tiny : tiny;
  }
  const std::uint32_t wide = exponent == 0x1fu ? 0xffu : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

// One or two logits of each row to its logit.
template <class T, class ToFloat>
void reduce(const T* data, std::size_t labels, std::span<float> logits, ToFloat to_float) {
  for (std::size_t row = 0; row < logits.size(); ++row) {
    const T* own = data + row * labels;
    logits[row] = labels == 1 ? to_float(own[0]) : to_float(own[1]) - to_float(own[0]);
  }
}

}  // namespace

CrossEncoder::CrossEncoder(const Library& library, SessionConfig config)
    : library_(library),
      api_(library.api()),
      config_(std::move(config)),
      file_(config_.model.string()),
      arena_(config_.provider == "CUDAExecutionProvider" ? "gpu:" + option(config_, "device_id")
                                                         : "cpu:0"),
      packed_(nullptr, api_.ReleasePrepackedWeightsContainer),
      session_(nullptr, api_.ReleaseSession),
      wide_(nullptr, api_.ReleaseSession) {
  make_narrow();
  spread(1);
  feeds_.emplace(library_, session_.get(), config_);
  check_output();
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

Owned<Session> CrossEncoder::make_session(int threads) const try {
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
              "CUDA device " + option(config_, "device_id") + " cannot be used: " + failure);
}

void CrossEncoder::check_output() {
  const std::vector<Signature> outputs = signatures(library_, session_.get(), End::kOutputs, file_);
  auto logits = std::find_if(outputs.begin(), outputs.end(),
                             [](const Signature& output) { return output.name == "logits"; });
  if (logits == outputs.end() && outputs.size() != 1)
    throw Error(Fault::kModel, file_ + " has the outputs " + joined(names(outputs)) +
                                   "; one of them must be named logits");
  if (logits == outputs.end()) logits = outputs.begin();
  output_name_ = logits->name;
  output_type_ = logits->element;
  const auto& dims = logits->dims;
  const bool float_type = output_type_ == kFloat || output_type_ == kFloat16;
  // A dimension below 0 is only known when the graph runs; run() looks again.
  const bool logits_shape = dims.size() == 1 || (dims.size() == 2 && dims[1] <= 2 && dims[1] != 0);
  if (!logits->is_tensor || !float_type || !logits_shape)
    throw Error(Fault::kModel, file_ + ": the output " + output_name_ + " has the shape " +
                                   shape_text(dims) +
                                   "; a reranker gives one or two float logits per row, [batch, 1]"
                                   " or [batch, 2]");
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
  const char* output_name = output_name_.c_str();
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
  read(inputs, output.get(), logits);
}

void CrossEncoder::read(const Inputs& inputs, Value* output, std::span<float> logits) const {
  const auto check = [&](Status* status) { check_run(status, inputs); };
  const auto info = own<TensorInfo>(api_.ReleaseTensorTypeAndShapeInfo, [&](TensorInfo** made) {
    check(api_.GetTensorTypeAndShape(output, made));
  });
  std::size_t rank = 0;
  check(api_.GetDimensionsCount(info.get(), &rank));
  std::vector<std::int64_t> dims(rank);
  check(api_.GetDimensions(info.get(), dims.data(), rank));
  const std::int64_t labels = rank == 2 ? dims[1] : 1;
  if (rank < 1 || rank > 2 || dims[0] != inputs.rows || labels < 1 || labels > 2)
    throw Error(Fault::kModel, file_ + " gave logits of shape " + shape_text(dims) + " for " +
                                   std::to_string(inputs.rows) +
                                   " rows; a reranker gives one or two per row");

  void* raw = nullptr;
  check(api_.GetTensorMutableData(output, &raw));
  if (output_type_ == kFloat)
    reduce(static_cast<const float*>(raw), static_cast<std::size_t>(labels), logits,
           [](float value) { return value; });
  else
    reduce(static_cast<const std::uint16_t*>(raw), static_cast<std::size_t>(labels), logits,
           from_half);
}

}  // namespace rerank::ort
