#include "ort/captured_runs.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <utility>

namespace rerank::ort {
namespace {

constexpr std::int64_t kWidthStep = 32;
constexpr std::array<const char*, 3> kInputs = {"input_ids", "attention_mask", "token_type_ids"};

bool is_packed(const Inputs& inputs) { return inputs.width == 0; }

// A row of `tokens` into one of `width`: ids, mask and types, each behind the other by `stride`.
void write_row(const Inputs& inputs, std::int64_t from, std::int64_t tokens, std::int64_t width,
               std::int64_t* to, std::int64_t stride) {
  std::copy_n(inputs.input_ids + from, tokens, to);
  std::fill_n(to + tokens, width - tokens, 0);
  if (is_packed(inputs))
    std::fill_n(to + stride, tokens, 1);
  else
    std::copy_n(inputs.attention_mask + from, tokens, to + stride);
  std::fill_n(to + stride + tokens, width - tokens, 0);
  std::copy_n(inputs.token_type_ids + from, tokens, to + 2 * stride);
  std::fill_n(to + 2 * stride + tokens, width - tokens, 0);
}

// All rows; those that are too many are the first once more: a row of padding alone may give NaN.
void write_rows(const Inputs& inputs, std::int64_t rows, std::int64_t width, std::int64_t* to) {
  std::int64_t from = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    if (row >= inputs.rows) from = 0;
    const auto place = static_cast<std::size_t>(row < inputs.rows ? row : 0);
    const std::int64_t tokens = is_packed(inputs) ? inputs.row_tokens[place] : inputs.width;
    write_row(inputs, from, tokens, width, to + row * width, rows * width);
    from += tokens;
  }
}

}  // namespace

CapturedRuns::CapturedRuns(const Library& library, SessionConfig config, std::int64_t max_tokens,
                           std::int64_t max_width, const CaptureGate::Recording& /*alone*/)
    : library_(library),
      api_(library.api()),
      config_(std::move(config)),
      max_width_(max_width),
      session_(make_session()),
      feeds_(library, session_.get(), config_),
      logits_(library, session_.get(), config_.model.string()),
      host_(host_memory(library, session_.get(), config_)),
      device_(library, session_.get(), config_),
      host_inputs_(host_.none()),
      host_logits_(host_.none()),
      device_inputs_(host_.none()),
      device_logits_(host_.none()) {
  if (feeds_.is_packed() || !feeds_.has_attention_mask())
    throw Error(Fault::kModel, config_.model.string() +
                                   " takes no attention_mask, without which rows cannot be padded");
  if (logits_.labels() < 1)
    throw Error(Fault::kModel, config_.model.string() + " does not say how many logits a row has");
  const auto tokens = static_cast<std::size_t>(max_tokens);
  host_inputs_ = host_.allocate(tokens * kInputs.size() * sizeof(std::int64_t));
  device_inputs_ = device_.allocate(tokens * kInputs.size() * sizeof(std::int64_t));
  host_logits_ = host_.allocate(tokens * 2 * sizeof(float));  // more than there can be rows
  device_logits_ = device_.allocate(tokens * 2 * sizeof(float));
  for (std::int64_t rows = 1; rows <= max_tokens; rows *= 2)
    for (std::int64_t width = kWidthStep;; width += kWidthStep) {
      const Shape shape(rows, std::min(width, max_width_));
      if (shape.first * shape.second > max_tokens) break;
      thread_.run([&] { record(shape); });
      if (shape.second == max_width_) break;
    }
}

Owned<Session> CapturedRuns::make_session() const {
  SessionConfig config = config_;
  // What computes shapes may stay on the CPU: it is not recorded, for shapes do not change.
  config.is_whole = false;
  if (config.is_cuda()) config.provider_options.emplace_back("enable_cuda_graph", "1");
  const auto options = make_options(library_, config, 1);
  return own<Session>(api_.ReleaseSession, [&](Session** made) {
    library_.check(api_.CreateSession(library_.env(), config.model.c_str(), options.get(), made),
                   Fault::kModel, "cannot record " + config.model.string());
  });
}

CapturedRuns::Shape CapturedRuns::shape_of(const Inputs& inputs) const {
  const auto rows = std::bit_ceil(static_cast<std::uint64_t>(inputs.rows));
  const std::int64_t steps = (inputs.widest() + kWidthStep - 1) / kWidthStep;
  return {static_cast<std::int64_t>(rows), std::min(steps * kWidthStep, max_width_)};
}

void CapturedRuns::check(Status* status) const {
  if (status != nullptr)
    library_.check(status, Fault::kRun, config_.model.string() + ", of a recorded shape, failed");
}

Owned<Value> CapturedRuns::tensor(void* data, std::size_t element_size, ElementType element,
                                  std::span<const std::int64_t> dims) const {
  std::size_t bytes = element_size;
  for (const std::int64_t dim : dims) bytes *= static_cast<std::size_t>(dim);
  return own<Value>(api_.ReleaseValue, [&](Value** made) {
    check(api_.CreateTensorWithDataAsOrtValue(device_.info(), data, bytes, dims.data(), dims.size(),
                                              element, made));
  });
}

CapturedRuns::Recording CapturedRuns::bind(Shape shape) const {
  const auto [rows, width] = shape;
  Recording made{
      {},
      own<RunOptions>(api_.ReleaseRunOptions,
                      [&](RunOptions** options) { check(api_.CreateRunOptions(options)); }),
      own<IoBinding>(api_.ReleaseIoBinding, [&](IoBinding** binding) {
        check(api_.CreateIoBinding(session_.get(), binding));
      })};
  const std::string number = std::to_string(shapes_.size() + 1);
  check(api_.AddRunConfigEntry(made.options.get(), "gpu_graph_id", number.c_str()));
  const std::array<std::int64_t, 2> dims = {rows, width};
  auto* at = static_cast<std::int64_t*>(device_inputs_.get());
  for (const char* name : kInputs) {
    if (feeds_.has(name)) {
      made.tensors.push_back(tensor(at, sizeof(std::int64_t), kInt64, dims));
      check(api_.BindInput(made.binding.get(), name, made.tensors.back().get()));
    }
    at += rows * width;
  }
  made.tensors.push_back(
      tensor(device_logits_.get(), logits_.element_size(), logits_.element(), logits_.shape(rows)));
  check(api_.BindOutput(made.binding.get(), logits_.name().c_str(), made.tensors.back().get()));
  return made;
}

void CapturedRuns::record(Shape shape) {
  const std::int64_t tokens = shape.first * shape.second;
  auto* const inputs = static_cast<std::int64_t*>(host_inputs_.get());
  std::fill_n(inputs, 3 * tokens, 0);
  std::fill_n(inputs + tokens, tokens, 1);
  shapes_.emplace(shape, bind(shape));
  replay(shape);  // ONNX Runtime runs it until it is recorded
}

void CapturedRuns::replay(Shape shape) {
  const Recording& recording = shapes_.at(shape);
  const auto tokens = static_cast<std::size_t>(shape.first * shape.second);
  device_.write(device_inputs_.get(), host_inputs_.get(),
                tokens * kInputs.size() * sizeof(std::int64_t));
  check(api_.RunWithBinding(session_.get(), recording.options.get(), recording.binding.get()));
  check(api_.SynchronizeBoundOutputs(recording.binding.get()));
  device_.read(host_logits_.get(), device_logits_.get(),
               static_cast<std::size_t>(shape.first * logits_.labels()) * logits_.element_size());
}

void CapturedRuns::run(const Inputs& inputs, std::span<float> logits) {
  const CaptureGate::Use use(CaptureGate::shared());
  const Shape shape = shape_of(inputs);
  thread_.run([&] {
    write_rows(inputs, shape.first, shape.second, static_cast<std::int64_t*>(host_inputs_.get()));
    replay(shape);
    logits_.reduce(host_logits_.get(), logits_.labels(), logits);
  });
}

}  // namespace rerank::ort
