// From an input file to a `.vdb` file: reads rows, checks each, writes them. The output appears whole or not at all.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "app/checked_rows.hpp"
#include "io/file_system.hpp"

namespace vibrato::app {

struct IngestOptions {
  RowFiles files;
  std::string output;
  Metric metric = Metric::kDot;
};

struct IngestReport {
  std::uint32_t rows = 0;
  std::uint32_t dim = 0;
  bool ids_were_ignored = false;
};

// Called after every row: rows written, rows in all (0: not known), share of the input that was read. False stops.
using IngestProgress = std::function<bool(std::uint64_t rows, std::uint64_t total, double share)>;

// Errors: kInvalidArgument, kInvalidJson, kDimMismatch and the like for the first row that cannot be taken, with its
// number (from 0) and its place in the file; kInvalidArgument for an output that exists and is no `.vdb` file; those of
// the file system; kConflict when `progress` stopped it. After an error the output is as it was before, and nothing new
// is left in its folder.
[[nodiscard]] Result<IngestReport> ingest_file(io::FileSystem& fs, const IngestOptions& options,
                                               const IngestProgress& progress);

}  // namespace vibrato::app
