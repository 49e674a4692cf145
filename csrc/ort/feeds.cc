#include "ort/feeds.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <functional>
#include <numeric>
#include <string_view>

namespace rerank::ort {
namespace {

constexpr const char* kStarts = "cumulative_sequence_length";

struct Known {
  std::string_view name;
  std::size_t rank;
  bool padded;
  bool packed;
};
constexpr std::array<Known, 6> kKnown = {{{"input_ids", 2, true, true},
                                          {"attention_mask", 2, true, false},
                                          {"token_type_ids", 2, true, true},
                                          {"position_ids", 2, false, true},
                                          {kStarts, 1, false, true},
                                          {"token_offset", 2, false, true}}};

// Places of the tokens in a padded batch, in order, then those of the padding.
void write_offsets(std::span<const std::int64_t> row_tokens, std::int64_t width,
                   std::int32_t* used) {
  std::int32_t* unused =
      used + std::accumulate(row_tokens.begin(), row_tokens.end(), std::int64_t{0});
  std::int32_t place = 0;
  for (const std::int64_t tokens : row_tokens) {
    std::iota(used, used + tokens, place);
    std::iota(unused, unused + (width - tokens), place + static_cast<std::int32_t>(tokens));
    used += tokens;
    unused += width - tokens;
    place += static_cast<std::int32_t>(width);
  }
}

void write_positions(std::span<const std::int64_t> row_tokens, std::int32_t* at) {
  for (const std::int64_t tokens : row_tokens) {
    std::iota(at, at + tokens, 0);
    at += tokens;
  }
}

void write_starts(std::span<const std::int64_t> row_tokens, std::int32_t* at) {
  *at = 0;
  for (const std::int64_t tokens : row_tokens) {
    at[1] = at[0] + static_cast<std::int32_t>(tokens);
    ++at;
  }
}

}  // namespace

std::int64_t Inputs::widest() const {
  return std::accumulate(row_tokens.begin(), row_tokens.end(), width,
                         [](std::int64_t a, std::int64_t b) { return std::max(a, b); });
}

Feeds::Feeds(const Library& library, const Session* session, const SessionConfig& config)
    : library_(library),
      file_(config.model.string()),
      signatures_(ort::signatures(library, session, End::kInputs, file_)),
      is_packed_(has(kStarts)),
      memory_(memory_info(library)) {
  for (const Signature& input : signatures_) check(input);
  if (!has("input_ids")) throw Error(Fault::kModel, file_ + " has no input named input_ids");
  if (is_packed_) staging_.emplace(library, session, config);
}

bool Feeds::has(const std::string& name) const {
  return std::any_of(signatures_.begin(), signatures_.end(),
                     [&](const Signature& input) { return input.name == name; });
}

void Feeds::check(const Signature& input) const {
  const auto* const known = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& each) {
    return each.name == input.name && (is_packed_ ? each.packed : each.padded);
  });
  if (known == kKnown.end())
    throw Error(Fault::kModel, file_ + " has the inputs " + joined(names(signatures_)) +
                                   "; only input_ids, attention_mask and token_type_ids can be "
                                   "given: export it as a sequence classifier");
  if (input.element != (is_packed_ ? kInt32 : kInt64) || input.dims.size() != known->rank)
    throw Error(Fault::kModel, file_ + ": the input " + input.name + " must be an " +
                                   (is_packed_ ? "int32 tensor of a packed graph"
                                               : "int64 tensor [batch, sequence]"));
}

Feeds::Tensors Feeds::tensors(const Inputs& inputs) const {
  Tensors tensors;
  if (is_packed_)
    add_packed(tensors, inputs);
  else
    add_padded(tensors, inputs);
  return tensors;
}

void Feeds::add(Tensors& tensors, const Signature& input, const MemoryInfo* memory, void* data,
                std::span<const std::int64_t> shape) const {
  const Api& api = library_.api();
  const auto count =
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies());
  const std::size_t bytes = static_cast<std::size_t>(count) * (is_packed_ ? 4 : 8);
  tensors.owned.push_back(own<Value>(api.ReleaseValue, [&](Value** made) {
    library_.check(api.CreateTensorWithDataAsOrtValue(memory, data, bytes, shape.data(),
                                                      shape.size(), input.element, made),
                   Fault::kRun, file_);
  }));
  tensors.values.push_back(tensors.owned.back().get());
  tensors.names.push_back(input.name.c_str());
}

void Feeds::add_padded(Tensors& tensors, const Inputs& inputs) const {
  const std::array<std::int64_t, 2> shape = {inputs.rows, inputs.width};
  for (const Signature& input : signatures_) {
    const std::int64_t* const data = input.name == "input_ids"        ? inputs.input_ids
                                     : input.name == "attention_mask" ? inputs.attention_mask
                                                                      : inputs.token_type_ids;
    // A tensor borrows memory that may be written to; inputs are only read.
    add(tensors, input, memory_.get(), const_cast<std::int64_t*>(data),  // NOLINT(*-const-cast)
        shape);
  }
}

void Feeds::add_packed(Tensors& tensors, const Inputs& inputs) const {
  const std::span<const std::int64_t> rows = inputs.row_tokens;
  assert(rows.size() == static_cast<std::size_t>(inputs.rows));
  const std::int64_t tokens = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
  const std::int64_t width = inputs.widest();
  const std::array<std::int64_t, 2> flat = {1, tokens};
  const std::array<std::int64_t, 2> padded = {inputs.rows, width};
  const std::array<std::int64_t, 1> starts = {inputs.rows + 1};

  tensors.buffer =
      staging_->take(static_cast<std::size_t>(3 * tokens + inputs.rows + 1 + inputs.rows * width));
  std::int32_t* at = tensors.buffer->data();
  const auto add_next = [&](const Signature& input, std::span<const std::int64_t> shape) {
    add(tensors, input, staging_->info(), at, shape);
    at += std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies());
  };
  const auto narrow = [&](const std::int64_t* from) {
    std::transform(from, from + tokens, at,
                   [](std::int64_t id) { return static_cast<std::int32_t>(id); });
  };
  for (const Signature& input : signatures_) {
    if (input.name == "input_ids") {
      narrow(inputs.input_ids);
      add_next(input, flat);
    } else if (input.name == "token_type_ids") {
      narrow(inputs.token_type_ids);
      add_next(input, flat);
    } else if (input.name == "position_ids") {
      write_positions(rows, at);
      add_next(input, flat);
    } else if (input.name == kStarts) {
      write_starts(rows, at);
      add_next(input, starts);
    } else {
      write_offsets(rows, width, at);
      add_next(input, padded);
    }
  }
}

}  // namespace rerank::ort
