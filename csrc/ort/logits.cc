#include "ort/logits.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "ort/signature.h"

namespace rerank::ort {
namespace {

// IEEE 754 binary16 to binary32, exact.
float from_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fu;
  const std::uint32_t fraction = half & 0x3ffu;
  if (exponent == 0) {
    const float tiny = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -tiny : tiny;
  }
  const std::uint32_t wide = exponent == 0x1fu ? 0xffu : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

template <class T, class ToFloat>
void reduce_all(const T* data, std::size_t labels, std::span<float> logits, ToFloat to_float) {
  for (std::size_t row = 0; row < logits.size(); ++row) {
    const T* own = data + row * labels;
    logits[row] = labels == 1 ? to_float(own[0]) : to_float(own[1]) - to_float(own[0]);
  }
}

}  // namespace

Logits::Logits(const Library& library, const Session* session, std::string file)
    : library_(library), file_(std::move(file)) {
  const std::vector<Signature> outputs = signatures(library_, session, End::kOutputs, file_);
  auto logits = std::find_if(outputs.begin(), outputs.end(),
                             [](const Signature& output) { return output.name == "logits"; });
  if (logits == outputs.end() && outputs.size() != 1)
    throw Error(Fault::kModel, file_ + " has the outputs " + joined(names(outputs)) +
                                   "; one of them must be named logits");
  if (logits == outputs.end()) logits = outputs.begin();
  name_ = logits->name;
  element_ = logits->element;
  dims_ = logits->dims;
  const bool float_type = element_ == kFloat || element_ == kFloat16;
  // A dimension below 0 is only known when the graph runs; labels() looks again.
  const bool logits_shape =
      dims_.size() == 1 || (dims_.size() == 2 && dims_[1] <= 2 && dims_[1] != 0);
  if (!logits->is_tensor || !float_type || !logits_shape)
    throw Error(Fault::kModel, file_ + ": the output " + name_ + " has the shape " +
                                   shape_text(dims_) +
                                   "; a reranker gives one or two float logits per row, [batch, 1]"
                                   " or [batch, 2]");
}

std::vector<std::int64_t> Logits::shape(std::int64_t rows) const {
  std::vector<std::int64_t> shape = dims_;
  shape[0] = rows;
  return shape;
}

std::int64_t Logits::labels(const Value* output, std::int64_t rows) const {
  const Api& api = library_.api();
  const auto check = [&](Status* status) {
    if (status != nullptr) library_.check(status, Fault::kRun, file_);
  };
  const auto info = own<TensorInfo>(api.ReleaseTensorTypeAndShapeInfo, [&](TensorInfo** made) {
    check(api.GetTensorTypeAndShape(output, made));
  });
  std::size_t rank = 0;
  check(api.GetDimensionsCount(info.get(), &rank));
  std::vector<std::int64_t> dims(rank);
  check(api.GetDimensions(info.get(), dims.data(), rank));
  const std::int64_t labels = rank == 2 ? dims[1] : 1;
  if (rank < 1 || rank > 2 || dims[0] != rows || labels < 1 || labels > 2)
    throw Error(Fault::kModel, file_ + " gave logits of shape " + shape_text(dims) + " for " +
                                   std::to_string(rows) +
                                   " rows; a reranker gives one or two per row");
  return labels;
}

void Logits::reduce(const void* output, std::int64_t labels, std::span<float> logits) const {
  if (element_ == kFloat)
    reduce_all(static_cast<const float*>(output), static_cast<std::size_t>(labels), logits,
               [](float value) { return value; });
  else
    reduce_all(static_cast<const std::uint16_t*>(output), static_cast<std::size_t>(labels), logits,
               from_half);
}

}  // namespace rerank::ort
