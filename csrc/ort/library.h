// ONNX Runtime's shared library, found at run time in whichever wheel is installed.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "ort/abi.h"

namespace rerank::ort {

// Never unloaded: its own threads and static destructors outlive any order we could choose.
class Library {
 public:
  // The one instance per path and process, with its environment. Throws Error(kProvider) when the
  // file cannot be loaded, is not ONNX Runtime, or is older than 1.17.
  static const Library& open(const std::filesystem::path& path);

  const Api& api() const { return api_; }
  const std::string& version() const { return version_; }
  std::vector<std::string> providers() const;
  Env* env() const { return env_; }

  // Releases `status` and throws Error(fault, "what: message") unless it is null.
  void check(Status* status, Fault fault, const std::string& what) const;

 private:
  Library(const Api& api, std::string version);

  Api api_;
  std::string version_;
  Env* env_ = nullptr;
};

// "a, b", for messages.
std::string joined(const std::vector<std::string>& names);

// Owns what a Create or Get function gave and gives it to the Release function.
template <class T>
using Owned = std::unique_ptr<T, void(RERANK_ORT_CALL*)(T*)>;

// Owned<T> from a function that writes a T* to its last parameter.
template <class T, class Create>
Owned<T> own(void(RERANK_ORT_CALL* release)(T*), Create create) {
  T* made = nullptr;
  create(&made);
  return Owned<T>(made, release);
}

// What a kind of memory is, by ONNX Runtime's name for it. Throws Error(kProvider).
Owned<MemoryInfo> memory_info(const Library& library, const char* name = "Cpu", int device = 0,
                              MemoryType type = kDefaultMemory);

}  // namespace rerank::ort
