#include "ort/signature.h"

namespace rerank::ort {

std::vector<Signature> signatures(const Library& library, const Session* session, End end,
                                  const std::string& file) {
  const Api& api = library.api();
  const bool is_input = end == End::kInputs;
  const auto check = [&](Status* status) { library.check(status, Fault::kModel, file); };
  Allocator* allocator = nullptr;
  check(api.GetAllocatorWithDefaultOptions(&allocator));
  std::size_t count = 0;
  check((is_input ? api.SessionGetInputCount : api.SessionGetOutputCount)(session, &count));
  std::vector<Signature> found(count);
  for (std::size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    check((is_input ? api.SessionGetInputName : api.SessionGetOutputName)(session, i, allocator,
                                                                          &name));
    found[i].name = name;
    check(api.AllocatorFree(allocator, name));
    const auto type = own<TypeInfo>(api.ReleaseTypeInfo, [&](TypeInfo** made) {
      check((is_input ? api.SessionGetInputTypeInfo : api.SessionGetOutputTypeInfo)(session, i,
                                                                                    made));
    });
    const TensorInfo* tensor = nullptr;
    check(api.CastTypeInfoToTensorInfo(type.get(), &tensor));
    found[i].is_tensor = tensor != nullptr;
    if (tensor == nullptr) continue;
    check(api.GetTensorElementType(tensor, &found[i].element));
    std::size_t rank = 0;
    check(api.GetDimensionsCount(tensor, &rank));
    found[i].dims.resize(rank);
    check(api.GetDimensions(tensor, found[i].dims.data(), rank));
  }
  return found;
}

std::vector<std::string> names(std::span<const Signature> signatures) {
  std::vector<std::string> found;
  for (const Signature& each : signatures) found.push_back(each.name);
  return found;
}

std::string shape_text(std::span<const std::int64_t> dims) {
  std::string text = "[";
  for (const std::int64_t dim : dims)
    text += (text.size() == 1 ? "" : ", ") + (dim < 0 ? std::string("?") : std::to_string(dim));
  return text + "]";
}

}  // namespace rerank::ort
