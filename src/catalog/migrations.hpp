// The schema of the catalog as numbered steps, and what brings a database of any older version to the newest.
//
// Steps go forward only and are never edited once released: each applied step is remembered with the CRC32C of its
// SQL, and a database whose steps are others is refused. Each step is one transaction together with its mark, so a
// crash leaves the version before or after it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vibrato/status.hpp>

#include "sqlite/connection.hpp"

namespace vibrato::catalog {

struct Migration {
  std::string_view name;
  std::string_view sql;  // One or more statements.
};

// All steps, oldest first; the version of a database is how many of them it has.
[[nodiscard]] std::span<const Migration> all_migrations();

// Applies the steps that `connection` lacks. Errors: kCorruption when the file is no catalog or its steps are not
// these, kInvalidArgument when it was made by a newer version of vibratod.
[[nodiscard]] Status migrate(sqlite::Connection& connection, std::span<const Migration> migrations,
                             std::int64_t now_ms);

}  // namespace vibrato::catalog
