// A file as bytes, for as long as this lives.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace rerank::ort {

class MappedFile {
 public:
  // Throws std::system_error where it cannot be read.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace rerank::ort
