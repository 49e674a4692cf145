#include "ort/session.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <iterator>
#include <utility>

namespace rerank::ort {
namespace {

// In the order of Inputs.
constexpr std::array<const char*, 3> kInputNames = {"input_ids", "attention_mask",
                                                    "token_type_ids"};

std::string shape_text(std::span<const std::int64_t> dims) {
  std::string text = "[";
  for (const std::int64_t dim : dims)
    text += (text.size() == 1 ? "" : ", ") + (dim < 0 ? std::string("?") : std::to_string(dim));
  return text + "]";
}

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
      packed_(nullptr, api_.ReleasePrepackedWeightsContainer),
      session_(nullptr, api_.ReleaseSession),
      wide_(nullptr, api_.ReleaseSession),
      memory_(nullptr, api_.ReleaseMemoryInfo) {
  make_narrow();
  spread(1);
  memory_ = own<MemoryInfo>(api_.ReleaseMemoryInfo, [&](MemoryInfo** made) {
    library_.check(api_.CreateCpuMemoryInfo(kDeviceAllocator, kDefaultMemory, made),
                   Fault::kProvider, "onnxruntime");
  });
  check_inputs();
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
  session_ = make_session(1);
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

Owned<Session> CrossEncoder::make_session(int threads) const {
  const auto options = make_options(library_, config_, threads);
  if (weights_) weights_->add_to(options.get());
  const PathChar* const model = config_.model.c_str();
  return own<Session>(api_.ReleaseSession, [&](Session** made) {
    library_.check(packed_ ? api_.CreateSessionWithPrepackedWeightsContainer(
                                 library_.env(), model, options.get(), packed_.get(), made)
                           : api_.CreateSession(library_.env(), model, options.get(), made),
                   Fault::kModel, "cannot load " + file_);
  });
}

std::vector<std::string> CrossEncoder::names(bool inputs) const {
  const auto check = [&](Status* status) { library_.check(status, Fault::kModel, file_); };
  Allocator* allocator = nullptr;
  check(api_.GetAllocatorWithDefaultOptions(&allocator));
  std::size_t count = 0;
  check((inputs ? api_.SessionGetInputCount : api_.SessionGetOutputCount)(session_.get(), &count));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    check((inputs ? api_.SessionGetInputName : api_.SessionGetOutputName)(session_.get(), i,
                                                                          allocator, &name));
    names.emplace_back(name);
    check(api_.AllocatorFree(allocator, name));
  }
  return names;
}

void CrossEncoder::check_inputs() {
  const auto check = [&](Status* status) { library_.check(status, Fault::kModel, file_); };
  input_names_ = names(/*inputs=*/true);
  for (std::size_t i = 0; i < input_names_.size(); ++i) {
    const std::string& name = input_names_[i];
    if (std::find(kInputNames.begin(), kInputNames.end(), name) == kInputNames.end())
      throw Error(Fault::kModel, file_ + " has the inputs " + joined(input_names_) +
                                     "; only input_ids, attention_mask and token_type_ids can be "
                                     "given: export it as a sequence classifier");
    const auto type = own<TypeInfo>(api_.ReleaseTypeInfo, [&](TypeInfo** made) {
      check(api_.SessionGetInputTypeInfo(session_.get(), i, made));
    });
    const TensorInfo* tensor = nullptr;
    check(api_.CastTypeInfoToTensorInfo(type.get(), &tensor));
    ElementType element = kFloat;
    std::size_t rank = 0;
    if (tensor != nullptr) {
      check(api_.GetTensorElementType(tensor, &element));
      check(api_.GetDimensionsCount(tensor, &rank));
    }
    if (element != kInt64 || rank != 2)
      throw Error(Fault::kModel,
                  file_ + ": the input " + name + " must be an int64 tensor [batch, sequence]");
  }
  const auto has = [&](const char* name) {
    return std::find(input_names_.begin(), input_names_.end(), name) != input_names_.end();
  };
  if (!has("input_ids")) throw Error(Fault::kModel, file_ + " has no input named input_ids");
  has_attention_mask_ = has("attention_mask");
}

void CrossEncoder::check_output() {
  const auto check = [&](Status* status) { library_.check(status, Fault::kModel, file_); };
  const std::vector<std::string> outputs = names(/*inputs=*/false);
  const auto logits = std::find(outputs.begin(), outputs.end(), "logits");
  if (logits == outputs.end() && outputs.size() != 1)
    throw Error(Fault::kModel, file_ + " has the outputs " + joined(outputs) +
                                   "; one of them must be named logits");
  const std::size_t index =
      logits == outputs.end() ? 0 : static_cast<std::size_t>(logits - outputs.begin());
  output_name_ = outputs[index];

  const auto type = own<TypeInfo>(api_.ReleaseTypeInfo, [&](TypeInfo** made) {
    check(api_.SessionGetOutputTypeInfo(session_.get(), index, made));
  });
  const TensorInfo* tensor = nullptr;
  check(api_.CastTypeInfoToTensorInfo(type.get(), &tensor));
  std::vector<std::int64_t> dims;
  if (tensor != nullptr) {
    std::size_t rank = 0;
    check(api_.GetDimensionsCount(tensor, &rank));
    dims.resize(rank);
    check(api_.GetDimensions(tensor, dims.data(), rank));
    check(api_.GetTensorElementType(tensor, &output_type_));
  }
  const bool float_type = output_type_ == kFloat || output_type_ == kFloat16;
  // A dimension below 0 is only known when the graph runs; run() looks again.
  const bool logits_shape = dims.size() == 1 || (dims.size() == 2 && dims[1] <= 2 && dims[1] != 0);
  if (tensor == nullptr || !float_type || !logits_shape)
    throw Error(Fault::kModel, file_ + ": the output " + output_name_ + " has the shape " +
                                   shape_text(dims) +
                                   "; a reranker gives one or two float logits per row, [batch, 1]"
                                   " or [batch, 2]");
}

void CrossEncoder::check_run(Status* status, const Inputs& inputs) const {
  if (status == nullptr) return;  // before the words are put together
  library_.check(status, Fault::kRun,
                 file_ + " failed on " + std::to_string(inputs.rows) + " rows of " +
                     std::to_string(inputs.width) +
                     " tokens (if only long rows do, lower max_length)");
}

void CrossEncoder::run(const Inputs& inputs, std::span<float> logits, const std::stop_token& stop,
                       const RunTerms& terms) const {
  assert(logits.size() == static_cast<std::size_t>(inputs.rows));
  assert(!terms.wide || is_wide());
  const auto check = [&](Status* status) { check_run(status, inputs); };
  const std::array<const std::int64_t*, 3> data = {inputs.input_ids, inputs.attention_mask,
                                                   inputs.token_type_ids};
  const std::array<std::int64_t, 2> shape = {inputs.rows, inputs.width};
  const auto bytes = static_cast<std::size_t>(inputs.rows * inputs.width) * sizeof(std::int64_t);

  std::vector<Owned<Value>> tensors;
  std::vector<const Value*> values;
  std::vector<const char*> value_names;
  for (const std::string& name : input_names_) {
    const auto which = std::find(kInputNames.begin(), kInputNames.end(), name);
    const auto position = static_cast<std::size_t>(std::distance(kInputNames.begin(), which));
    // A tensor borrows memory that may be written to; inputs are only read.
    void* borrowed = const_cast<std::int64_t*>(data[position]);  // NOLINT(*-const-cast)
    tensors.push_back(own<Value>(api_.ReleaseValue, [&](Value** made) {
      check(api_.CreateTensorWithDataAsOrtValue(memory_.get(), borrowed, bytes, shape.data(),
                                                shape.size(), kInt64, made));
    }));
    values.push_back(tensors.back().get());
    value_names.push_back(name.c_str());
  }

  const auto options = own<RunOptions>(
      api_.ReleaseRunOptions, [&](RunOptions** made) { check(api_.CreateRunOptions(made)); });
  // 2026-11-21, MiniLM-L6, two workers: MB above the model after 60 passages, then after 32 x 512 tokens.
  // The arena as it is: 21, 990. Shrunk after each run: 75 to 140, 70. Extended by what is asked for:
  // 62, 950. None: 30 to 80, 180, and runs up to a tenth slower. Shrinking it after runs of 2,048 tokens
  // cost no time that could be seen.
  if (terms.shrink)
    check(api_.AddRunConfigEntry(options.get(), "memory.enable_memory_arena_shrinkage", "cpu:0"));
  // ONNX Runtime looks at it between two operators.
  const std::stop_callback terminate(stop, [&] {
    if (Status* status = api_.RunOptionsSetTerminate(options.get())) api_.ReleaseStatus(status);
  });
  const char* output_name = output_name_.c_str();
  const auto output = own<Value>(api_.ReleaseValue, [&](Value** made) {
    const auto run_on = [&](Session* session) {
      check(api_.Run(session, options.get(), value_names.data(), values.data(), values.size(),
                     &output_name, 1, made));
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
