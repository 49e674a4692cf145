// From rows to batches: which rows run together, and how wide.
//
// A row's width depends on its own length alone, and a batch holds rows of one width. So a row is
// padded the same in every company, which is half of promise 1 (a score belongs to its pair), and on
// the CPU (width_multiple 1) nothing is padded at all. What that costs against filling the budget
// with near-equal rows is measured by benchmarks/plan.py; ARCHITECTURE.md shows it. A graph that takes its
// rows one behind the other, without padding, has batches of rows of all widths instead.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/row_memory.h"

namespace rerank {

struct PlanLimits {
  std::int64_t max_batch_tokens = 512;  // padded; a longer row is a batch of its own
  std::int64_t max_batch_rows = std::numeric_limits<std::int64_t>::max();
  std::int64_t width_multiple = 1;  // widths are rounded up to it, but never past max_width
  std::int64_t max_width = std::numeric_limits<std::int64_t>::max();
  std::int64_t workers = 1;  // a small request is cut finer, so that each has a share
  RowMemory row_memory{};    // NOLINT(*-redundant-member-init): GCC misses it in {.workers = 1}
  // Bytes that the batches of all workers may take. A row that takes more than a worker's part is a
  // batch of its own; whoever runs it sees that it fits.
  std::int64_t memory_limit = std::numeric_limits<std::int64_t>::max();
  bool packs = false;  // a batch holds rows of all widths, and none is padded
};

struct Batch {
  std::int64_t begin;  // position of its first row in BatchPlan::order
  std::int64_t rows;
  std::int64_t width;   // of all its rows, or of the widest
  std::int64_t tokens;  // padded
};

struct BatchPlan {
  std::vector<std::int64_t> order;  // rows, widest first, equal widths in input order
  std::vector<Batch> batches;       // consecutive slices of order
};

// Throws std::invalid_argument for limits below 1 or a length outside 1..max_width.
BatchPlan plan_batches(std::span<const std::int64_t> lengths, const PlanLimits& limits);

}  // namespace rerank
