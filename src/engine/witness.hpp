// A small file beside catalog and log that says how far both were durable at some moment: a catalog or a log that has
// less has lost something, whatever it says itself. SQLite and the log take what is missing at their ends for what was
// never committed; a file that was removed, cut or put back from an old copy looks just like that.
//
// Invariant: what it says was durable before it was written, so it is never ahead of the truth. It is behind by a
// second or so: what was committed since is not vouched for.
//
// The file `witness` is one line: `vibratod-witness 1 <id of the store> <commits> <LSN> <CRC32C>`, numbers in decimal,
// the id and the checksum (of all before its space) in hexadecimal digits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "catalog/store_table.hpp"
#include "engine/data_folder.hpp"
#include "io/file_system.hpp"

namespace vibrato::engine {

struct Witness {
  std::array<std::byte, 16> store_id{};
  std::uint64_t catalog_commits = 0;
  Lsn lsn;  // Of the last durable record of the log.

  friend bool operator==(const Witness&, const Witness&) = default;
};

// Nothing without the file. Errors: kCorruption, kIoError.
[[nodiscard]] Result<std::optional<Witness>> read_witness(io::FileSystem& fs, const DataFolder& folder);

// Replaces the file durably.
[[nodiscard]] Status write_witness(io::FileSystem& fs, const DataFolder& folder, const Witness& witness);

// Before the catalog is opened, which would make one: kCorruption when there is none though log, segments or the
// witness say that there was.
[[nodiscard]] Status check_catalog_is_there(io::FileSystem& fs, const DataFolder& folder);

// After it was opened: kCorruption when it is another one, or has fewer commits, than the witness says.
[[nodiscard]] Status check_catalog(const Witness& witness, const catalog::StoreInfo& found, const DataFolder& folder);

}  // namespace vibrato::engine
