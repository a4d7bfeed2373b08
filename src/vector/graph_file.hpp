// Index sections (quantizer, codes, graph, build info) into `.vdb` files, by atomic replacement: the rows of the file
// stay as they are, and the old file is untouched until the new one is complete and durable.
#pragma once

#include <functional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "format/graph.hpp"
#include "io/file_system.hpp"
#include "store/vdb_row_writer.hpp"
#include "vector/built_index.hpp"

namespace vibrato::vector {

struct GraphBuildReport {
  std::uint32_t rows = 0;
  std::uint32_t layers = 0;  // Highest graph level + 1; 0 for an empty file.
  BuildInfo info;
};

// Called once, after building and before anything is written; an error ends it there.
using BeforeStore = std::function<Status()>;

// Builds the index of the file at `path` (version 1, 2 or 3; an index that is there is replaced) and rewrites the file
// as version 3 with it. Errors: kNotFound, as build_index, those of `before_store` and of the file system.
[[nodiscard]] Result<GraphBuildReport> build_graph_file(io::FileSystem& fs, const std::string& path,
                                                        const GraphBuildOptions& options,
                                                        const BuildProgress& progress = {},
                                                        const BeforeStore& before_store = {});

// The sections of `index`, which was built over `rows`: quantizer, codes where it has some, build info, and `graph`
// unless it is null. They borrow all three until they are written.
[[nodiscard]] std::vector<store::NewSection> index_sections(const store::VdbFile& rows, const BuiltIndex& index,
                                                            const format::GraphView* graph);

// Writes the rows of `rows` with `index`, which was built over them, to `target`; this may be rows' own path.
[[nodiscard]] Status store_index(io::FileSystem& fs, const store::VdbFile& rows, const BuiltIndex& index,
                                 const std::string& target);

}  // namespace vibrato::vector
