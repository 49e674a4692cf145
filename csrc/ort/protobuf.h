// The wire format of protobuf, as far as an ONNX file is read here: fields by number, one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>

namespace rerank::ort {

struct Field {
  std::uint64_t number;
  std::uint64_t value = 0;  // of a varint
  std::span<const std::byte>
      content{};  // of what has a length: a string, a message, packed numbers

  std::string_view text() const {
    return {reinterpret_cast<const char*>(content.data()), content.size()};
  }
};

// Throws std::runtime_error where the bytes are no message.
class Message {
 public:
  explicit Message(std::span<const std::byte> bytes) : rest_(bytes) {}

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = std::to_integer<std::uint64_t>(take(1).front());
      value |= (byte & 0x7fu) << shift;
      if ((byte & 0x80u) == 0) return value;
    }
    throw std::runtime_error("a number of more than 64 bits");
  }

  bool empty() const { return rest_.empty(); }

  Field next() {
    const std::uint64_t tag = varint();
    Field field{.number = tag >> 3};
    switch (tag & 7u) {
      case 0:
        field.value = varint();
        break;
      case 1:
        take(8);
        break;
      case 2:
        field.content = take(varint());
        break;
      case 5:
        take(4);
        break;
      default:
        throw std::runtime_error("a field of no known kind");
    }
    return field;
  }

 private:
  std::span<const std::byte> take(std::uint64_t count) {
    if (count > rest_.size()) throw std::runtime_error("it ends in the middle of a field");
    const auto taken = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  std::span<const std::byte> rest_;
};

}  // namespace rerank::ort
