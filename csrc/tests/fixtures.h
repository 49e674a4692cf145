// What the native tests share: texts as ids, the layout of BERT, and ways to provoke.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/encoded.h"
#include "core/error.h"
#include "core/pair.h"
#include "tests/check.h"

namespace rerank::test {

using Ids = std::vector<std::int32_t>;

// Owns what an Encoded borrows.
struct Texts {
  Ids ids;
  std::vector<std::int64_t> offsets{0};

  explicit Texts(const std::vector<Ids>& texts) {
    for (const Ids& text : texts) {
      ids.insert(ids.end(), text.begin(), text.end());
      offsets.push_back(static_cast<std::int64_t>(ids.size()));
    }
  }
  Encoded view() const { return {ids, offsets}; }
};

// 1 query 2 document 2, with type 1 from the document on.
inline PairTemplate bert() {
  using enum PairPiece::Kind;
  return PairTemplate(
      {{kSpecial, 1, 0}, {kQuery, 0, 0}, {kSpecial, 2, 0}, {kDocument, 0, 1}, {kSpecial, 2, 1}});
}

// The message of the E that `body` throws; other exceptions pass.
template <class E, class Body>
std::string thrown(const Body& body) {
  try {
    body();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

template <class Body>
std::string_view fault(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    switch (error.fault()) {
      case Fault::kModel:
        return "kModel";
      case Fault::kProvider:
        return "kProvider";
      case Fault::kRun:
        return "kRun";
      case Fault::kClosed:
        return "kClosed";
      case Fault::kDeadline:
        return "kDeadline";
      case Fault::kCancelled:
        return "kCancelled";
      case Fault::kMemory:
        return "kMemory";
    }
  }
  return "nothing was thrown";
}

// Runs body(0) to body(count - 1) at once and waits for all; what one throws fails the test.
template <class Body>
void on_threads(int count, const Body& body) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([i, &body] {
      try {
        body(i);
      } catch (const std::exception& error) {
        fail("thread " + std::to_string(i) + " threw " + error.what());
      }
    });
}

}  // namespace rerank::test
