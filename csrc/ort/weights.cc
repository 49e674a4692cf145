#include "ort/weights.h"

#include <charconv>
#include <cstdint>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "ort/mapped_file.h"
#include "ort/protobuf.h"

namespace rerank::ort {
namespace {

// Numbers of onnx.proto3.
enum Number : std::uint64_t {
  kGraph = 7,        // of a model
  kInitializer = 5,  // of a graph
  kDims = 1,         // of a tensor, as those below
  kDataType = 2,
  kName = 8,
  kRawData = 9,
  kExternalData = 13,
  kKey = 1,  // of an entry of external data
  kValue = 2,
};

// Smaller ones are not worth the trouble: biases, scales, shapes.
constexpr std::size_t kLeastBytes = 4096;
constexpr std::align_val_t kAlignment{64};
constexpr std::size_t kElement = 8;  // the largest there is

std::shared_ptr<std::byte> copied(std::span<const std::byte> bytes) {
  auto* const copy = static_cast<std::byte*>(::operator new(bytes.size(), kAlignment));
  std::memcpy(copy, bytes.data(), bytes.size());
  return {copy, [](std::byte* data) { ::operator delete(data, kAlignment); }};
}

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size())
    throw std::runtime_error("external data has no number at '" + std::string(text) + "'");
  return value;
}

}  // namespace

struct Weights::Tensor {
  std::string name;
  std::vector<std::int64_t> dims;
  ElementType type = kFloat;
  std::span<const std::byte> raw;
  std::string file;  // of external data
  std::size_t offset = 0;
  std::size_t length = 0;

  explicit Tensor(Message message) {
    while (!message.empty()) {
      const Field field = message.next();
      if (field.number == kDims && field.content.empty())
        dims.push_back(static_cast<std::int64_t>(field.value));
      else if (field.number == kDims)
        for (Message packed(field.content); !packed.empty();)
          dims.push_back(static_cast<std::int64_t>(packed.varint()));
      else if (field.number == kDataType)
        type = static_cast<ElementType>(field.value);
      else if (field.number == kName)
        name = field.text();
      else if (field.number == kRawData)
        raw = field.content;
      else if (field.number == kExternalData)
        read_entry(Message(field.content));
    }
  }

  void read_entry(Message entry) {
    std::string_view key;
    std::string_view value;
    while (!entry.empty()) {
      const Field field = entry.next();
      if (field.number == kKey) key = field.text();
      if (field.number == kValue) value = field.text();
    }
    if (key == "location") file = value;
    if (key == "offset") offset = number(value);
    if (key == "length") length = number(value);
  }
};

Weights::Weights(const Library& library, const std::filesystem::path& model)
    : library_(library), memory_(nullptr, library.api().ReleaseMemoryInfo) {
  try {
    memory_ = memory_info(library);
    const MappedFile file(model);
    for (Message top(file.bytes()); !top.empty();) {
      const Field graph = top.next();
      if (graph.number != kGraph) continue;
      for (Message fields(graph.content); !fields.empty();) {
        const Field field = fields.next();
        if (field.number == kInitializer) add(Tensor(Message(field.content)), model.parent_path());
      }
    }
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& problem) {
    throw Error(Fault::kModel, "cannot read " + model.string() + ": " + problem.what());
  }
}

void Weights::add(const Tensor& tensor, const std::filesystem::path& folder) {
  std::span<const std::byte> bytes = tensor.file.empty() ? tensor.raw : external(tensor, folder);
  if (bytes.size() < kLeastBytes) return;
  // A file of its own is mapped by ONNX Runtime too. The graph's could be written over at any time.
  if (tensor.file.empty() || reinterpret_cast<std::uintptr_t>(bytes.data()) % kElement != 0) {
    copies_.push_back(copied(bytes));
    bytes = {copies_.back().get(), bytes.size()};
  }
  values_.emplace_back(
      tensor.name, own<Value>(library_.api().ReleaseValue, [&](Value** made) {
        // A tensor borrows memory that may be written to; weights are only read.
        void* borrowed = const_cast<std::byte*>(bytes.data());  // NOLINT(*-const-cast)
        library_.check(library_.api().CreateTensorWithDataAsOrtValue(
                           memory_.get(), borrowed, bytes.size(), tensor.dims.data(),
                           tensor.dims.size(), tensor.type, made),
                       Fault::kModel, tensor.name);
      }));
}

std::span<const std::byte> Weights::external(const Tensor& tensor,
                                             const std::filesystem::path& folder) {
  const std::filesystem::path name(tensor.file);
  if (name.has_parent_path()) throw std::runtime_error(tensor.file + " is in another directory");
  auto& file = files_[tensor.file];
  if (file == nullptr) file = std::make_unique<MappedFile>(folder / name);
  const auto all = file->bytes();
  if (tensor.offset > all.size() || tensor.length > all.size() - tensor.offset)
    throw std::runtime_error(tensor.file + " is too short");
  return all.subspan(tensor.offset, tensor.length);
}

void Weights::add_to(SessionOptions* options) const {
  for (const auto& [name, value] : values_)
    library_.check(library_.api().AddInitializer(options, name.c_str(), value.get()), Fault::kModel,
                   name);
}

}  // namespace rerank::ort
