#include "bindings/completions.h"

#ifndef _WIN32
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace rerank::bindings {

Completions::Completions() {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  for (const int end : ends) {
    fcntl(end, F_SETFL, O_NONBLOCK);
    fcntl(end, F_SETFD, FD_CLOEXEC);
  }
  read_ = ends[0];
  write_ = ends[1];
}

Completions::~Completions() {
  close(read_);
  close(write_);
}

void Completions::add(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  tickets_.push_back(ticket);
  if (tickets_.size() > 1) return;  // who reads has been told
  const char byte = 0;
  static_cast<void>(!write(write_, &byte, 1));
}

std::vector<std::uint64_t> Completions::take() {
  const std::lock_guard lock(mutex_);
  std::array<char, 8> bytes;  // there is at most one
  static_cast<void>(!read(read_, bytes.data(), bytes.size()));
  return std::exchange(tickets_, {});
}

}  // namespace rerank::bindings
#endif
