// Failures that are neither a caller's broken precondition (std::invalid_argument) nor out of memory.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace rerank {

// Who has to act: the bindings turn each into one class of rerank_core.errors.
enum class Fault {
  kModel,      // the model's files are not what a cross-encoder needs
  kProvider,   // ONNX Runtime, or the execution provider asked for, is not there
  kRun,        // the model ran and failed, or gave something that is not a score
  kClosed,     // the engine was closed, or belongs to the process before a fork
  kDeadline,   // the caller's deadline passed
  kCancelled,  // the caller wants no answer any more
  kMemory,     // a row takes more memory than there is to run it
};

class Error : public std::runtime_error {
 public:
  Error(Fault fault, const std::string& message) : std::runtime_error(message), fault_(fault) {}
  Fault fault() const { return fault_; }

 private:
  Fault fault_;
};

// A request for which the queue has no room.
class ResourceExhausted : public std::runtime_error {
 public:
  ResourceExhausted(const std::string& message, double retry_after)
      : std::runtime_error(message), retry_after_(retry_after) {}
  double retry_after() const { return retry_after_; }  // seconds until there may be room

 private:
  double retry_after_;
};

// Pairs longer than the limit in a request that must not be truncated.
class TokenLimitExceeded : public std::runtime_error {
 public:
  struct Offender {
    std::int64_t document;  // index in the request
    std::int64_t tokens;    // of the whole pair, special tokens included
    std::int64_t limit;     // what the pair may have; differs between pairs only with windows
  };
  explicit TokenLimitExceeded(std::vector<Offender> offenders)
      : std::runtime_error("a pair exceeds its token limit"), offenders_(std::move(offenders)) {}
  const std::vector<Offender>& offenders() const { return offenders_; }

 private:
  std::vector<Offender> offenders_;
};

}  // namespace rerank
