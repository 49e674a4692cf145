// The slice of ONNX Runtime's C ABI that we call, in our own words.
//
// libonnxruntime exports OrtGetApiBase(), which hands out a table of function pointers. The table is
// only ever appended to, so a function is known by its slot and needs no header of ONNX Runtime to
// build. Every slot below exists since version 17 of the table. Functions that return Status* give
// null for success; anything else must go to ReleaseStatus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "ort/abi_functions.h"

namespace rerank::ort {

inline constexpr std::uint32_t kApiVersion = 17;  // ONNX Runtime 1.17

struct Status;  // all of them opaque to us
struct Env;
struct SessionOptions;
struct Session;
struct RunOptions;
struct Value;
struct MemoryInfo;
struct TypeInfo;
struct TensorInfo;
struct CudaOptions;
struct PrepackedWeights;
struct IoBinding;

#ifdef _WIN32
#define RERANK_ORT_CALL __stdcall
#else
#define RERANK_ORT_CALL
#endif

// ONNX Runtime's own, or one that is registered with it. Members that came later are only looked for
// where `version` is that of their table.
struct Allocator {
  std::uint32_t version;
  void*(RERANK_ORT_CALL* Alloc)(Allocator*, std::size_t);
  void(RERANK_ORT_CALL* Free)(Allocator*, void*);
  const MemoryInfo*(RERANK_ORT_CALL* Info)(const Allocator*);
};
inline constexpr std::uint32_t kAllocatorVersion = kApiVersion;

using PathChar = std::filesystem::path::value_type;  // char, or wchar_t on Windows

enum LogSeverity : int { kLogFatal = 4 };
enum GraphOptimization : int { kOptimizeNothing = 0, kOptimizeAll = 99 };
enum ElementType : int { kFloat = 1, kInt32 = 6, kInt64 = 7, kFloat16 = 10 };
enum AllocatorType : int { kDeviceAllocator = 0 };
enum MemoryType : int { kDefaultMemory = 0, kCpuOutputMemory = -1 };

// The functions by name, read from their slots once.
struct Api {
  using AnyFunction = void(RERANK_ORT_CALL*)();

#define RERANK_ORT_MEMBER(slot, name, result, parameters) result(RERANK_ORT_CALL* name) parameters;
  RERANK_ORT_FUNCTIONS(RERANK_ORT_MEMBER)
#undef RERANK_ORT_MEMBER

  explicit Api(const AnyFunction* table) {
#define RERANK_ORT_READ(slot, name, result, parameters) \
  name = reinterpret_cast<result(RERANK_ORT_CALL*) parameters>(table[slot]);
    RERANK_ORT_FUNCTIONS(RERANK_ORT_READ)
#undef RERANK_ORT_READ
  }
};

#undef RERANK_ORT_FUNCTIONS

struct ApiBase {
  const Api::AnyFunction*(RERANK_ORT_CALL* GetApi)(std::uint32_t version);  // null: too old
  const char*(RERANK_ORT_CALL* GetVersionString)();
};

}  // namespace rerank::ort
