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

// X(slot, name, return type, parameters)
#define RERANK_ORT_FUNCTIONS(X)                                                                 \
  X(2, GetErrorMessage, const char*, (const Status*))                                           \
  X(3, CreateEnv, Status*, (LogSeverity, const char* id, Env**))                                \
  X(6, DisableTelemetryEvents, Status*, (const Env*))                                           \
  X(7, CreateSession, Status*,                                                                  \
    (const Env*, const PathChar* model, const SessionOptions*, Session**))                      \
  X(9, Run, Status*,                                                                            \
    (Session*, const RunOptions*, const char* const* input_names, const Value* const* inputs,   \
     std::size_t num_inputs, const char* const* output_names, std::size_t num_outputs,          \
     Value** outputs))                                                                          \
  X(10, CreateSessionOptions, Status*, (SessionOptions**))                                      \
  X(17, DisableMemPattern, Status*, (SessionOptions*))                                          \
  X(23, SetSessionGraphOptimizationLevel, Status*, (SessionOptions*, GraphOptimization))        \
  X(24, SetIntraOpNumThreads, Status*, (SessionOptions*, int))                                  \
  X(25, SetInterOpNumThreads, Status*, (SessionOptions*, int))                                  \
  X(30, SessionGetInputCount, Status*, (const Session*, std::size_t*))                          \
  X(31, SessionGetOutputCount, Status*, (const Session*, std::size_t*))                         \
  X(33, SessionGetInputTypeInfo, Status*, (const Session*, std::size_t, TypeInfo**))            \
  X(34, SessionGetOutputTypeInfo, Status*, (const Session*, std::size_t, TypeInfo**))           \
  X(36, SessionGetInputName, Status*, (const Session*, std::size_t, Allocator*, char**))        \
  X(37, SessionGetOutputName, Status*, (const Session*, std::size_t, Allocator*, char**))       \
  X(39, CreateRunOptions, Status*, (RunOptions**))                                              \
  X(46, RunOptionsSetTerminate, Status*, (RunOptions*))                                         \
  X(49, CreateTensorWithDataAsOrtValue, Status*,                                                \
    (const MemoryInfo*, void* data, std::size_t bytes, const std::int64_t* shape,               \
     std::size_t rank, ElementType, Value**))                                                   \
  X(51, GetTensorMutableData, Status*, (Value*, void**))                                        \
  X(55, CastTypeInfoToTensorInfo, Status*, (const TypeInfo*, const TensorInfo**))               \
  X(60, GetTensorElementType, Status*, (const TensorInfo*, ElementType*))                       \
  X(61, GetDimensionsCount, Status*, (const TensorInfo*, std::size_t*))                         \
  X(62, GetDimensions, Status*, (const TensorInfo*, std::int64_t* dims, std::size_t rank))      \
  X(65, GetTensorTypeAndShape, Status*, (const Value*, TensorInfo**))                           \
  X(68, CreateMemoryInfo, Status*,                                                              \
    (const char* name, AllocatorType, int id, MemoryType, MemoryInfo**))                        \
  X(76, AllocatorFree, Status*, (Allocator*, void*))                                            \
  X(78, GetAllocatorWithDefaultOptions, Status*, (Allocator**))                                 \
  X(93, ReleaseStatus, void, (Status*))                                                         \
  X(94, ReleaseMemoryInfo, void, (MemoryInfo*))                                                 \
  X(95, ReleaseSession, void, (Session*))                                                       \
  X(96, ReleaseValue, void, (Value*))                                                           \
  X(97, ReleaseRunOptions, void, (RunOptions*))                                                 \
  X(98, ReleaseTypeInfo, void, (TypeInfo*))                                                     \
  X(99, ReleaseTensorTypeAndShapeInfo, void, (TensorInfo*))                                     \
  X(100, ReleaseSessionOptions, void, (SessionOptions*))                                        \
  X(125, GetAvailableProviders, Status*, (char*** names, int* count))                           \
  X(126, ReleaseAvailableProviders, Status*, (char** names, int count))                         \
  X(130, AddSessionConfigEntry, Status*, (SessionOptions*, const char* key, const char* value)) \
  X(131, CreateAllocator, Status*, (const Session*, const MemoryInfo*, Allocator**))            \
  X(132, ReleaseAllocator, void, (Allocator*))                                                  \
  X(150, AddInitializer, Status*, (SessionOptions*, const char* name, const Value*))            \
  X(165, AddRunConfigEntry, Status*, (RunOptions*, const char* key, const char* value))         \
  X(166, CreatePrepackedWeightsContainer, Status*, (PrepackedWeights**))                        \
  X(167, ReleasePrepackedWeightsContainer, void, (PrepackedWeights*))                           \
  X(168, CreateSessionWithPrepackedWeightsContainer, Status*,                                   \
    (const Env*, const PathChar* model, const SessionOptions*, PrepackedWeights*, Session**))   \
  X(176, RegisterAllocator, Status*, (Env*, Allocator*))                                        \
  X(204, SessionOptionsAppendExecutionProvider_CUDA_V2, Status*,                                \
    (SessionOptions*, const CudaOptions*))                                                      \
  X(205, CreateCUDAProviderOptions, Status*, (CudaOptions**))                                   \
  X(206, UpdateCUDAProviderOptions, Status*,                                                    \
    (CudaOptions*, const char* const* keys, const char* const* values, std::size_t count))      \
  X(208, ReleaseCUDAProviderOptions, void, (CudaOptions*))

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
