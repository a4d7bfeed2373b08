// A `.vdb` file with other sections beside the same rows, by atomic replacement. For `build` (adds quantizer, codes
// and graph) and for conversion of older versions.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vibrato/result.hpp>

#include "store/vdb_row_writer.hpp"

namespace vibrato::store {

// Writes `target`, which may be the source's own path: rows, norms and meta of `source`, then its other sections except
// those that `sections` replaces, then `sections`, in their order. Sections named in `dropped` are left out. Versions
// 1 and 2 become version 3. Sections that this build cannot use are not carried over.
// Every block that is copied is checked first. Errors: kCorruption of the source, kInvalidArgument for rows of versions
// 1 and 2 that are not finite, those of the file system; `target` is untouched then.
// Requires: no kind twice in `sections`; none of them is kVectors, kMeta or kMetaOffsets.
[[nodiscard]] Status copy_with_sections(io::FileSystem& fs, const VdbFile& source, const std::string& target,
                                        std::span<const NewSection> sections,
                                        std::span<const format::SectionKind> dropped = {});

// A writer of `target` that holds all sections of `source` but the raw vectors and their norms, for an archive that
// keeps codes alone; the caller adds those and commits. Every block that is copied is checked first.
// Requires: a file of version 3. Errors: kCorruption of the source, those of the file system.
[[nodiscard]] Result<std::unique_ptr<VdbWriter>> copy_without_vectors(
    io::FileSystem& fs, const VdbFile& source, const std::string& target,
    const std::function<void(std::uint64_t bytes)>& before_write = {});

}  // namespace vibrato::store
