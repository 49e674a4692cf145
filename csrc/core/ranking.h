// From logits to scores and their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rerank {

// 1 / (1 + exp(-logit)) without overflow: exp is only taken of numbers below zero.
double sigmoid(double logit);

// Indices of the top_n highest logits: higher first, then lower index. Total, because it compares
// logits (saturated sigmoids do not tie) and refuses NaN (std::invalid_argument with the index).
std::vector<std::int64_t> rank(std::span<const float> logits, std::size_t top_n);

}  // namespace rerank
