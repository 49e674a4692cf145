// The Precompiled normalizer: the rules of a SentencePiece model, which are a trie of texts and what
// stands for them.
#pragma once

#include <string_view>

#include "core/text/normalizer.h"

namespace rerank {

// `charsmap`: the size of the trie in bytes, the trie as a double array of darts-clone, both in little
// endian, and the replacements, each up to a NUL. A grapheme cluster of less than 6 bytes gives way to
// the replacement of the shortest text of the trie that it begins with, and so do the code points of
// all other clusters. Rules that lead out of the charsmap are as if they were not there.
// Throws std::invalid_argument if the charsmap is cut, its trie is empty or the replacements are not UTF-8.
NormalizerPtr make_precompiled(std::string_view charsmap);

// Whether the space and the letters and digits of ASCII stay what they are, as in any sane charsmap.
bool keeps_ascii_words(const Normalizer& normalizer);

}  // namespace rerank
