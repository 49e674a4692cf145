#include "ort/session_options.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "ort/counted_memory.h"

namespace rerank::ort {
namespace {

void append_cuda(const Library& library, SessionOptions* options, const SessionConfig& config) {
  const Api& api = library.api();
  const auto check = [&](Status* status) {
    library.check(status, Fault::kProvider, config.provider);
  };
  const auto cuda = own<CudaOptions>(api.ReleaseCUDAProviderOptions, [&](CudaOptions** made) {
    check(api.CreateCUDAProviderOptions(made));
  });
  // TF32 would cost fp32 graphs three digits; an arena that doubles would take what others need.
  std::map<std::string, std::string> all = {{"use_tf32", "0"},
                                            {"arena_extend_strategy", "kSameAsRequested"}};
  for (const auto& [key, value] : config.provider_options) all[key] = value;
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : all) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  check(api.UpdateCUDAProviderOptions(cuda.get(), keys.data(), values.data(), keys.size()));
  check(api.SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda.get()));
  if (config.is_whole)
    check(api.AddSessionConfigEntry(options, "session.disable_cpu_ep_fallback", "1"));
}

void append_provider(const Library& library, SessionOptions* options, const SessionConfig& config) {
  const auto there = library.providers();
  if (std::find(there.begin(), there.end(), config.provider) == there.end())
    throw Error(Fault::kProvider, config.provider + " is not in the installed onnxruntime " +
                                      library.version() + ", which has " + joined(there));
  if (config.is_cuda()) return append_cuda(library, options, config);
  if (config.provider != "CPUExecutionProvider" || !config.provider_options.empty())
    throw Error(Fault::kProvider,
                config.provider + " takes no provider_options here; CUDAExecutionProvider does");
}

}  // namespace

int SessionConfig::device() const {
  const auto found = std::find_if(provider_options.rbegin(), provider_options.rend(),
                                  [](const auto& each) { return each.first == "device_id"; });
  return found == provider_options.rend() ? 0 : std::atoi(found->second.c_str());
}

std::string cuda_failure(const std::string& message) {
  const std::size_t begin = message.find("CUDA failure");
  if (begin == std::string::npos) return {};
  return message.substr(begin, message.find(" ; GPU=", begin) - begin);
}

Owned<SessionOptions> make_options(const Library& library, const SessionConfig& config,
                                   int threads) {
  const Api& api = library.api();
  const auto check = [&](Status* status) {
    library.check(status, Fault::kProvider, "onnxruntime session options");
  };
  auto options = own<SessionOptions>(api.ReleaseSessionOptions, [&](SessionOptions** made) {
    check(api.CreateSessionOptions(made));
  });
  check(api.SetIntraOpNumThreads(options.get(), threads));
  check(api.SetInterOpNumThreads(options.get(), 1));
  // Several threads spin between the operators of a run, which they have for themselves, and sleep after
  // it. 2026-11-21, MiniLM-L6, two threads: 0.64 of the time without at 256 tokens, 0.91 at 512.
  check(api.AddSessionConfigEntry(options.get(), "session.intra_op.allow_spinning",
                                  threads > 1 ? "1" : "0"));
  check(api.AddSessionConfigEntry(options.get(), "session.force_spinning_stop", "1"));
  check(api.SetSessionGraphOptimizationLevel(
      options.get(), config.is_optimized ? kOptimizeNothing : kOptimizeAll));
  // On a CPU its kernel takes longer than the sum and the normalization that it replaces: 2026-11-20,
  // int8, MiniLM-L6: 15 % of a run.
  if (config.provider == "CPUExecutionProvider")
    check(api.AddSessionConfigEntry(options.get(), "optimization.disable_specified_optimizers",
                                    "SkipLayerNormFusion"));
  // A pattern is planned per input shape, and shapes hardly ever repeat here.
  check(api.DisableMemPattern(options.get()));
  if (config.counts_memory) count_memory(library, options.get());
  append_provider(library, options.get(), config);
  return options;
}

}  // namespace rerank::ort
