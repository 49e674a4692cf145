// Checks, small enough that no framework has to be fetched. A failed CHECK_EQ prints where it stands
// and both values, and goes on; any thread may use it. An exception that leaves a test fails it, and
// a test that takes longer than kDeadlineSeconds ends the program by SIGALRM: no deadlock hangs CI.
#pragma once

#include <unistd.h>

#include <atomic>
#include <exception>
#include <initializer_list>
#include <iostream>
#include <sstream>
#include <string>
#include <type_traits>

namespace rerank::test {

inline constexpr unsigned kDeadlineSeconds = 60;
inline std::atomic<int> num_failed{0};  // NOLINT(*-avoid-non-const-global-variables)

inline void fail(const std::string& message) {
  ++num_failed;
  std::cerr << message + '\n';
}

template <class T>
std::string text(const T& value) {
  std::ostringstream out;
  out.precision(17);
  if constexpr (requires { out << value; })
    out << value;
  else
    for (const auto& item : value) out << (out.tellp() == 0 ? "" : ", ") << text(item);
  return out.str();
}

template <class T>
void check_equal(const char* where, const T& found, const std::type_identity_t<T>& expected) {
  if (!(found == expected)) fail(where + text(found) + "; expected " + text(expected));
}

struct Test {
  const char* name;
  void (*body)();
};

inline int run_all(std::initializer_list<Test> tests) {
  for (const auto& [name, body] : tests) try {
      std::cout << name << std::endl;  // flushed, so that a test that hangs is named
      alarm(kDeadlineSeconds);
      body();
    } catch (const std::exception& error) {
      fail(std::string(name) + " threw " + error.what());
    }
  return num_failed == 0 ? 0 : 1;
}

}  // namespace rerank::test

#define RERANK_TEXT(x) #x
#define RERANK_WHERE(line) __FILE__ ":" RERANK_TEXT(line) ": "
#define CHECK_EQ(found, ...) \
  rerank::test::check_equal(RERANK_WHERE(__LINE__) #found " is ", found, __VA_ARGS__)
