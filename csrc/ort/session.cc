#include "ort/session.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <iterator>

namespace rerank::ort {
namespace {

// In the order of Inputs.
constexpr std::array<const char*, 3> kInputNames = {"input_ids", "attention_mask",
                                                    "token_type_ids"};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

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

void append_cuda(const Library& library, SessionOptions* options, const SessionConfig& config) {
  const Api& api = library.api();
  const auto check = [&](Status* status) {
    library.check(status, Fault::kProvider, config.provider);
  };
  const auto cuda = own<CudaOptions>(api.ReleaseCUDAProviderOptions, [&](CudaOptions** made) {
    check(api.CreateCUDAProviderOptions(made));
  });
  // TF32 would cost fp32 graphs three digits; who wants it says so.
  std::vector<const char*> keys = {"use_tf32"};
  std::vector<const char*> values = {"0"};
  for (const auto& [key, value] : config.provider_options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  check(api.UpdateCUDAProviderOptions(cuda.get(), keys.data(), values.data(), keys.size()));
  check(api.SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda.get()));
  // Nothing may quietly run on the CPU instead.
  check(api.AddSessionConfigEntry(options, "session.disable_cpu_ep_fallback", "1"));
}

void append_provider(const Library& library, SessionOptions* options, const SessionConfig& config) {
  const auto there = library.providers();
  if (std::find(there.begin(), there.end(), config.provider) == there.end())
    throw Error(Fault::kProvider, config.provider + " is not in the installed onnxruntime " +
                                      library.version() + ", which has " + joined(there));
  if (config.provider == "CUDAExecutionProvider") return append_cuda(library, options, config);
  if (config.provider != "CPUExecutionProvider" || !config.provider_options.empty())
    throw Error(Fault::kProvider,
                config.provider + " takes no provider_options here; CUDAExecutionProvider does");
}

Owned<SessionOptions> make_options(const Library& library, const SessionConfig& config) {
  const Api& api = library.api();
  const auto check = [&](Status* status) {
    library.check(status, Fault::kProvider, "onnxruntime session options");
  };
  auto options = own<SessionOptions>(api.ReleaseSessionOptions, [&](SessionOptions** made) {
    check(api.CreateSessionOptions(made));
  });
  // Workers run whole batches side by side, so an operator needs no threads of its own.
  check(api.SetIntraOpNumThreads(options.get(), 1));
  check(api.SetInterOpNumThreads(options.get(), 1));
  check(api.AddSessionConfigEntry(options.get(), "session.intra_op.allow_spinning", "0"));
  check(api.SetSessionGraphOptimizationLevel(
      options.get(), config.is_optimized ? kOptimizeNothing : kOptimizeAll));
  // On a CPU its kernel takes longer than the sum and the normalization that it replaces: 2026-11-20,
  // int8, MiniLM-L6: 15 % of a run.
  if (config.provider == "CPUExecutionProvider")
    check(api.AddSessionConfigEntry(options.get(), "optimization.disable_specified_optimizers",
                                    "SkipLayerNormFusion"));
  // A pattern is planned per input shape, and shapes hardly ever repeat here.
  check(api.DisableMemPattern(options.get()));
  append_provider(library, options.get(), config);
  return options;
}

}  // namespace

CrossEncoder::CrossEncoder(const Library& library, const SessionConfig& config)
    : library_(library),
      api_(library.api()),
      file_(config.model.string()),
      session_(nullptr, api_.ReleaseSession),
      memory_(nullptr, api_.ReleaseMemoryInfo) {
  const auto options = make_options(library, config);
  session_ = own<Session>(api_.ReleaseSession, [&](Session** made) {
    library_.check(api_.CreateSession(library_.env(), config.model.c_str(), options.get(), made),
                   Fault::kModel, "cannot load " + file_);
  });
  memory_ = own<MemoryInfo>(api_.ReleaseMemoryInfo, [&](MemoryInfo** made) {
    library_.check(api_.CreateCpuMemoryInfo(kDeviceAllocator, kDefaultMemory, made),
                   Fault::kProvider, "onnxruntime");
  });
  check_inputs();
  check_output();
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

void CrossEncoder::run(const Inputs& inputs, std::span<float> logits,
                       const std::stop_token& stop) const {
  assert(logits.size() == static_cast<std::size_t>(inputs.rows));
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
  // ONNX Runtime looks at it between two operators.
  const std::stop_callback terminate(stop, [&] {
    if (Status* status = api_.RunOptionsSetTerminate(options.get())) api_.ReleaseStatus(status);
  });
  const char* output_name = output_name_.c_str();
  const auto output = own<Value>(api_.ReleaseValue, [&](Value** made) {
    check(api_.Run(session_.get(), options.get(), value_names.data(), values.data(), values.size(),
                   &output_name, 1, made));
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
