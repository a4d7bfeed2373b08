// The index that the settings of a collection ask for, over rows that were written just now: norms, codes, graph.
// For merges that re-use no graph, and imports.
#pragma once

#include <cstdint>
#include <vibrato/result.hpp>

#include "store/vdb_file.hpp"
#include "vector/built_index.hpp"
#include "vector/collection_settings.hpp"
#include "vector/merge_parts.hpp"

namespace vibrato::vector {

struct IndexWork {
  std::size_t threads = 1;  // One thread always makes the same graph.
  KeepGoing keep_going;
};

// Without graph and codes for rows that are scanned exactly. Errors: kCorruption, kUnavailable (no memory), those of
// `keep_going`.
[[nodiscard]] Result<BuiltIndex> index_rows(const store::VdbFile& rows, const CollectionSettings& settings,
                                            const IndexWork& work);

}  // namespace vibrato::vector
