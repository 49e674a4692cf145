// The functions of ONNX Runtime that we call, by their slots in its table: see abi.h.
#pragma once

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
  X(133, RunWithBinding, Status*, (Session*, const RunOptions*, const IoBinding*))              \
  X(134, CreateIoBinding, Status*, (Session*, IoBinding**))                                     \
  X(135, ReleaseIoBinding, void, (IoBinding*))                                                  \
  X(136, BindInput, Status*, (IoBinding*, const char* name, const Value*))                      \
  X(137, BindOutput, Status*, (IoBinding*, const char* name, const Value*))                     \
  X(150, AddInitializer, Status*, (SessionOptions*, const char* name, const Value*))            \
  X(165, AddRunConfigEntry, Status*, (RunOptions*, const char* key, const char* value))         \
  X(166, CreatePrepackedWeightsContainer, Status*, (PrepackedWeights**))                        \
  X(167, ReleasePrepackedWeightsContainer, void, (PrepackedWeights*))                           \
  X(168, CreateSessionWithPrepackedWeightsContainer, Status*,                                   \
    (const Env*, const PathChar* model, const SessionOptions*, PrepackedWeights*, Session**))   \
  X(176, RegisterAllocator, Status*, (Env*, Allocator*))                                        \
  X(203, SynchronizeBoundOutputs, Status*, (IoBinding*))                                        \
  X(204, SessionOptionsAppendExecutionProvider_CUDA_V2, Status*,                                \
    (SessionOptions*, const CudaOptions*))                                                      \
  X(205, CreateCUDAProviderOptions, Status*, (CudaOptions**))                                   \
  X(206, UpdateCUDAProviderOptions, Status*,                                                    \
    (CudaOptions*, const char* const* keys, const char* const* values, std::size_t count))      \
  X(208, ReleaseCUDAProviderOptions, void, (CudaOptions*))
