// Scanners that cut a whole text into words as the large byte level models do: each by the expression
// that split_patterns.cc has beside its name.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/text/split_patterns.h"

namespace rerank {

Match match_gpt2(std::string_view text, std::size_t at);
Match match_llama3(std::string_view text, std::size_t at);
Match match_qwen2(std::string_view text, std::size_t at);
Match match_qwen3_5(std::string_view text, std::size_t at);
Match match_gpt4o(std::string_view text, std::size_t at);
Match match_minimax(std::string_view text, std::size_t at);
Match match_tekken(std::string_view text, std::size_t at);
Match match_deepseek(std::string_view text, std::size_t at);

}  // namespace rerank
