#include "ort/library.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <utility>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace rerank::ort {
namespace {

using GetApiBase = const ApiBase*(RERANK_ORT_CALL*)();

#ifdef _WIN32
GetApiBase load(const std::filesystem::path& path) {
  const HMODULE module = LoadLibraryExW(path.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (module == nullptr)
    throw Error(Fault::kProvider, "cannot load " + path.string() + ": Windows error " +
                                      std::to_string(GetLastError()));
  return reinterpret_cast<GetApiBase>(GetProcAddress(module, "OrtGetApiBase"));
}
#else
GetApiBase load(const std::filesystem::path& path) {
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): per thread in glibc, musl and macOS
  if (module == nullptr) throw Error(Fault::kProvider, std::string("cannot load ") + dlerror());
  return reinterpret_cast<GetApiBase>(dlsym(module, "OrtGetApiBase"));
}
#endif

// While it exists, an environment is made without telemetry. Linux builds since 1.31 collect it unless
// this variable says otherwise when the environment is made: a thread, a database in the user's home.
// A value that is there is the user's, and stays.
class WithoutTelemetry {
 public:
  // NOLINTBEGIN(concurrency-mt-unsafe): no other way is offered; as Python's os.environ does it
  WithoutTelemetry() {
#ifndef _WIN32
    is_ours_ = std::getenv(kName) == nullptr && setenv(kName, "1", 0) == 0;
#endif
  }
  ~WithoutTelemetry() {
#ifndef _WIN32
    if (is_ours_) unsetenv(kName);
#endif
  }
  // NOLINTEND(concurrency-mt-unsafe)
  WithoutTelemetry(const WithoutTelemetry&) = delete;
  WithoutTelemetry& operator=(const WithoutTelemetry&) = delete;

 private:
  static constexpr const char* kName = "ORT_DISABLE_TELEMETRY";
  [[maybe_unused]] bool is_ours_ = false;
};

}  // namespace

const Library& Library::open(const std::filesystem::path& path) {
  static std::mutex mutex;
  static auto* const opened = new std::map<std::filesystem::path, const Library*>;
  const std::lock_guard lock(mutex);
  if (const auto found = opened->find(path); found != opened->end()) return *found->second;

  const GetApiBase get_base = load(path);
  if (get_base == nullptr)
    throw Error(Fault::kProvider, path.string() + " is not ONNX Runtime: no OrtGetApiBase in it");
  const ApiBase* base = get_base();
  const Api::AnyFunction* table = base->GetApi(kApiVersion);
  if (table == nullptr)
    throw Error(Fault::kProvider, "onnxruntime 1." + std::to_string(kApiVersion) +
                                      " or later is needed, " + path.string() + " is " +
                                      base->GetVersionString());
  const auto* library = new Library(Api(table), base->GetVersionString());
  opened->emplace(path, library);
  return *library;
}

Library::Library(const Api& api, std::string version) : api_(api), version_(std::move(version)) {
  const WithoutTelemetry made_without;
  // Fatal only: what fails comes back as a status, and a library does not write to stderr.
  check(api_.CreateEnv(kLogFatal, "rerank_core", &env_), Fault::kProvider, "onnxruntime");
  // That of Windows knows no variable.
  check(api_.DisableTelemetryEvents(env_), Fault::kProvider, "onnxruntime");
}

std::vector<std::string> Library::providers() const {
  char** names = nullptr;
  int count = 0;
  check(api_.GetAvailableProviders(&names, &count), Fault::kProvider, "onnxruntime");
  std::vector<std::string> providers(names, names + count);
  check(api_.ReleaseAvailableProviders(names, count), Fault::kProvider, "onnxruntime");
  return providers;
}

void Library::check(Status* status, Fault fault, const std::string& what) const {
  if (status == nullptr) return;
  const Owned<Status> owned(status, api_.ReleaseStatus);
  throw Error(fault, what + ": " + api_.GetErrorMessage(status));
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Owned<MemoryInfo> memory_info(const Library& library, const char* name, int device,
                              MemoryType type) {
  const Api& api = library.api();
  return own<MemoryInfo>(api.ReleaseMemoryInfo, [&](MemoryInfo** made) {
    library.check(api.CreateMemoryInfo(name, kDeviceAllocator, device, type, made),
                  Fault::kProvider, std::string("memory of ") + name);
  });
}

}  // namespace rerank::ort
