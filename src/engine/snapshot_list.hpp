// Which snapshots the catalog lists, against the folders that there are. A folder says all by itself what it holds, and
// has its name only once it is complete: the list follows the folders, also those that a crash, a restore or a replay
// took the catalog's row of.
#pragma once

#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "catalog/catalog.hpp"
#include "engine/data_folder.hpp"
#include "format/log_layout.hpp"

namespace vibrato::engine {

// Whose log is in the folder. Errors: kNotFound without its file `state`; kCorruption, kInvalidArgument, kIoError.
[[nodiscard]] Result<format::StoreId> store_of_log(io::FileSystem& fs, const std::string& log_folder);

// The snapshots of the store in `folder`, by name: folders with a valid manifest of their own name, which hold what it
// names, and the log of this store. Contents are not read. Everything else there is left alone, and left out.
// Errors: those of listing the folder.
[[nodiscard]] Result<std::vector<catalog::Snapshot>> find_snapshots(io::FileSystem& fs, const DataFolder& folder,
                                                                    const format::StoreId& store);

// What has no folder any more is not listed.
[[nodiscard]] Status forget_missing_snapshots(io::FileSystem& fs, const DataFolder& folder, catalog::Catalog& catalog);

// Lists what has a folder and no row. Answers the names.
[[nodiscard]] Result<std::vector<std::string>> list_found_snapshots(io::FileSystem& fs, const DataFolder& folder,
                                                                    catalog::Catalog& catalog);

}  // namespace vibrato::engine
