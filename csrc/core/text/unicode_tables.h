// The tables behind unicode.h, of tokenizers 0.23.3. Written by tools/unicode_tables.py.
#pragma once

#include <array>
#include <cstdint>

namespace rerank::unicode {

// Grapheme_Cluster_Break of UAX #29, with Extended_Pictographic and Indic_Conjunct_Break in it.
enum class GraphemeClass : std::uint8_t {
  kOther,
  kCr,
  kLf,
  kControl,
  kExtend,
  kZwj,
  kRegionalIndicator,
  kPrepend,
  kSpacingMark,
  kHangulL,
  kHangulV,
  kHangulT,
  kHangulSyllable,
  kPictographic,
  kConsonant,
  kLinker,
  kPlainExtend,
};

// Bits of CodePointRecord::forms. A code point that is kIs... stays as it is in that form; for the
// composed forms it also never joins what stands before it.
enum FormBits : std::uint8_t {
  kIsNfd = 1 << 0,
  kIsNfc = 1 << 1,
  kIsNfkd = 1 << 2,
  kIsNfkc = 1 << 3,
  kIsSecond = 1 << 4,  // of a pair that composes
};

struct CodePointRecord {
  std::uint16_t properties;  // UnicodeProperty
  std::uint8_t combining_class;
  std::uint8_t forms;
  GraphemeClass grapheme;
};

struct Composition {
  char32_t first;
  char32_t second;
  char32_t composed;
};

// NOLINTBEGIN(readability-identifier-naming): constants, though the checker sees no value here
extern const std::array<std::uint16_t, 8704> kRecordIndex;
extern const std::array<std::uint8_t, 35712> kRecordPages;
extern const std::array<CodePointRecord, 160> kRecords;
extern const std::array<std::uint8_t, 979> kLowercaseIndex;
extern const std::array<std::uint8_t, 4864> kLowercasePages;
extern const std::array<std::int32_t, 85> kLowercaseDeltas;
extern const std::array<std::uint8_t, 1525> kDecompositionIndex;
extern const std::array<std::uint16_t, 13056> kDecompositionPages;
extern const std::array<char32_t, 14059> kDecompositions;
extern const std::array<Composition, 940> kCompositions;
// NOLINTEND(readability-identifier-naming)

inline constexpr std::uint32_t kPage = 128;

inline const CodePointRecord& record(char32_t code_point) {
  const std::uint32_t page = kRecordIndex[code_point / kPage];
  return kRecords[kRecordPages[page * kPage + code_point % kPage]];
}

// 0 where a table that is cut says nothing.
template <class Index, class Pages>
auto find(const Index& index, const Pages& pages, char32_t code_point) {
  const std::uint32_t block = code_point / kPage;
  if (block >= index.size()) return typename Pages::value_type{0};
  return pages[index[block] * kPage + code_point % kPage];
}

}  // namespace rerank::unicode
