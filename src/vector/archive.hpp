// Archive segments (tier L2): the index of merged rows with product codes, a sixteenth of the size of the rows, in
// place of scalar ones. The graph stays as it is and is walked on the codes; hits are scored again with the raw vectors
// (at most 20 rows a hit), or carry code distances where the collection drops those.
//
//   finish_rows() -> graph as for any merge -> archive_index -> SegmentFileWriter::commit(index, graph, kArchiveLevel)
#pragma once

#include <cstdint>
#include <functional>
#include <vibrato/result.hpp>

#include "store/vdb_file.hpp"
#include "vector/built_index.hpp"

namespace vibrato::vector {

inline constexpr std::uint8_t kArchiveLevel = 2;
// Smaller segments stay as they are: a codebook costs as much as 1,000 rows.
inline constexpr std::uint32_t kArchivedRowsMin = 1000;

// Whether rows with this largest norm may be archived: enough of them, of 4 dimensions or more, and no longer than
// codes can take (choose_codes.hpp).
[[nodiscard]] bool may_be_archived(const store::VdbFile& rows, float norm_max);

// Trains product codes on `rows` and codes them all; what scalar codes `index` holds are dropped. `index` is one of
// code_rows, build_index or a merge over `rows`; its norm_max must be set. threads: 0 for as many as the machine has;
// any number gives the same codes. The work takes some 5 us a row and a second for training.
// Errors: kInvalidArgument where may_be_archived says no; kGone if the raw vectors were dropped; kUnavailable (no
// memory); that of `keep_going` (may be empty), which is asked every few milliseconds, by one thread at a time. `index`
// is unchanged then.
[[nodiscard]] Status archive_index(const store::VdbFile& rows, std::uint32_t threads, BuiltIndex& index,
                                   const std::function<Status()>& keep_going = {});

}  // namespace vibrato::vector
