// The routes of `vibratod serve`: one `.vdb` file over HTTP.
//   POST /search   POST /ingest   POST /flush   GET /flush/status   GET /health   GET /health/live
// Fields, defaults and statuses are those that clients of earlier systems know; unknown fields are ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "api/route_table.hpp"
#include "api/serve_backend.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "vector/single_file.hpp"

namespace vibrato::api {

struct ServeApiOptions {
  std::uint32_t search_k_max = limits::kSearchKDefaultMax;
  std::size_t body_bytes_max = limits::kBodyBytesDefault;
};

// The table over `file`. `file` and `clock` (it times `query_time_ms`) must outlive it.
[[nodiscard]] RouteTable make_serve_routes(vector::SingleFile& file, const Clock& clock,
                                           const ServeApiOptions& options);

// The table over any backend, which it keeps alive.
[[nodiscard]] RouteTable make_serve_routes(std::shared_ptr<ServeBackend> backend, const Clock& clock,
                                           const ServeApiOptions& options);

}  // namespace vibrato::api
