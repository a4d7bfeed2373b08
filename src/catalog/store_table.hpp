// What the catalog says about the store as a whole, in one row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "catalog/statements.hpp"

namespace vibrato::catalog {

struct StoreInfo {
  std::array<std::byte, 16> id{};  // Random, for life.
  std::uint32_t format_version = 0;
  std::int64_t created_at_ms = 0;
  bool clean_stop = false;    // The last process stopped in order; set false before anything else is written.
  Lsn trim_lsn;               // The log may be gone up to here: all of it is in files that the catalog names.
  std::uint64_t commits = 0;  // Those that changed something, over the life of the store.
  // No segment file has a higher number, nor had one: the log may speak of files that are long gone, and a name that
  // came again would be taken for them.
  std::uint64_t file_number_max = 0;
};

// Thread-safety: that of the Catalog.
class StoreTable {
 public:
  // Makes the row if there is none.
  [[nodiscard]] static Result<StoreTable> open(sqlite::Connection& connection, std::int64_t now_ms);

  [[nodiscard]] Result<StoreInfo> read() const;
  [[nodiscard]] Status set_clean_stop(bool clean_stop);
  // Commit this before a file gets such a number. Never lowers it.
  [[nodiscard]] Status reserve_file_numbers(std::uint64_t up_to);
  // For Catalog::write().
  [[nodiscard]] Status count_commit();
  // Commit this before the log is cut. kInvalidArgument if `lsn` is below the one that is there.
  [[nodiscard]] Status set_trim_lsn(Lsn lsn);

 private:
  explicit StoreTable(Statements statements) : statements_(std::move(statements)) {}

  Statements statements_;
};

}  // namespace vibrato::catalog
