// From an input file into a collection of a running server, in batches. What the server has taken stays there when a
// later row fails; sent again, rows replace themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "app/checked_rows.hpp"
#include "app/ingest_rows.hpp"
#include "io/file_system.hpp"

namespace vibrato::app {

struct ServerIngestOptions {
  RowFiles files;
  std::string collection;
  bool create = false;  // With `metric` and the dim of the first row; one that is there must have the same settings.
  Metric metric = Metric::kDot;  // With it rows are checked before they are sent.
  std::uint64_t first_id = 0;    // Of row 0, where the rows bring no ids.
  std::uint32_t batch_rows = 256;
};

struct ServerIngestReport {
  std::uint64_t rows = 0;
  std::uint32_t dim = 0;
  std::uint64_t lsn = 0;  // Of the last batch.
};

// POSTs a body to a path of the server, as RemoteServer::call.
using PostJson = std::function<Result<std::string>(std::string_view path, std::string_view json)>;
// Waits before a refused batch is sent again.
using Pause = std::function<void()>;

// A batch that the server refuses for now (overloaded, unavailable) is sent again, up to kAttemptsMax times.
// Errors: those of CheckedRows; kInvalidArgument for an id that is no string and no whole number, and for rows of which
// only some have ids; what the server says to a batch or a row; kConflict when `progress` stopped it.
inline constexpr int kAttemptsMax = 120;
[[nodiscard]] Result<ServerIngestReport> ingest_to_server(io::FileSystem& fs, const ServerIngestOptions& options,
                                                          const PostJson& post, const Pause& pause,
                                                          const IngestProgress& progress);

}  // namespace vibrato::app
