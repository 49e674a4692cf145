#include "ort/mapped_file.h"

#include <cerrno>
#include <system_error>

#ifndef _WIN32
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace rerank::ort {

#ifdef _WIN32

MappedFile::MappedFile(const std::filesystem::path& path) {
  throw std::system_error(std::make_error_code(std::errc::not_supported), path.string());
}

MappedFile::~MappedFile() = default;

#else

MappedFile::MappedFile(const std::filesystem::path& path) {
  const auto fail = [&] { throw std::system_error(errno, std::generic_category(), path.string()); };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail();
  struct stat status{};
  void* mapped = MAP_FAILED;
  if (fstat(file, &status) == 0)
    mapped =
        mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
  const int problem = errno;
  close(file);
  errno = problem;
  if (mapped == MAP_FAILED) fail();
  data_ = static_cast<const std::byte*>(mapped);
  size_ = static_cast<std::size_t>(status.st_size);
}

MappedFile::~MappedFile() {
  munmap(const_cast<std::byte*>(data_), size_);  // NOLINT(*-const-cast): only its address counts
}

#endif

}  // namespace rerank::ort
