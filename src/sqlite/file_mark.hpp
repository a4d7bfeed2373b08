// A number that a database file carries in its header (SQLite's user_version and application_id, 32 bits each), and
// commits with its rows. No statement that is refused PRAGMA can read or write it, and no table stands for it.
#pragma once

#include <cstdint>
#include <vibrato/result.hpp>

#include "sqlite/connection.hpp"

namespace vibrato::sqlite {

// 0 in a new file. Errors: the disk's. Thread-safety: the connection's, for both.
[[nodiscard]] Result<std::uint64_t> read_file_mark(Connection& connection);
// Part of the transaction, if there is one; it writes a page even if the number is the same.
[[nodiscard]] Status write_file_mark(Connection& connection, std::uint64_t mark);

}  // namespace vibrato::sqlite
