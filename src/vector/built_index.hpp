// An index in memory over the rows of one `.vdb` file: norms, codes and graph. It comes out of a build, serves from
// memory where the file cannot be written, and is what store_index writes into a file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>
#include <vibrato/result.hpp>

#include "hnsw/mutable_graph.hpp"
#include "hnsw/row_space.hpp"
#include "quant/coded_rows.hpp"
#include "quant/product_rows.hpp"
#include "store/vdb_file.hpp"
#include "vector/build_info.hpp"

namespace vibrato::vector {

// Called now and then, by one thread at a time, with rows done and rows in all.
using BuildProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

struct GraphBuildOptions {
  std::uint32_t m = 16;
  std::uint32_t ef_construction = 200;
  std::optional<quant::CodeKind> codes;  // Nothing: chosen by measurement.
  std::uint32_t threads = 0;             // 0: as many as the machine has. One thread always builds the same graph.
  std::uint64_t seed = 42;
  // Asked every few milliseconds while rows are coded, by one thread at a time: an error ends the work. May be empty.
  std::function<Status()> keep_going = {};
};

// Movable. Thread-safety: reading is safe from many threads.
struct BuiltIndex {
  BuildInfo info;
  float norm_max = 0;
  std::vector<float> inverse_norms;                   // Under cosine, where the file has none; otherwise empty.
  std::unique_ptr<quant::ScalarQuantizer> quantizer;  // Null if the walk is on f32.
  std::optional<quant::CodedRows> codes;
  std::unique_ptr<quant::ProductQuantizer> product;  // Of an archive (archive.hpp), in place of quantizer and codes.
  std::optional<quant::ProductRows> product_codes;
  std::unique_ptr<hnsw::MutableGraph> graph;

  // `rows` is the file the index was built over. Borrows both.
  [[nodiscard]] hnsw::RowSpace space(const store::VdbFile& rows) const;
};

// The rows of a file before any index: norms are set, codes are not.
[[nodiscard]] hnsw::RowSpace plain_space(const store::VdbFile& rows, const float* inverse_norms);

// Builds over all rows of `rows`, whose checksums are verified first. Errors: kInvalidArgument (options out of range;
// a number that is not finite in a file of version 1 or 2, with its row), kCorruption (checksums; such a number in a
// file of version 3), kUnavailable (no memory), kGone if the raw vectors were dropped.
[[nodiscard]] Result<BuiltIndex> build_index(const store::VdbFile& rows, const GraphBuildOptions& options,
                                             const BuildProgress& progress = {});

// The same without a graph: norms and codes, for rows that have a graph already or get none. `m` and `ef_construction`
// of the options go to the build info only.
[[nodiscard]] Result<BuiltIndex> code_rows(const store::VdbFile& rows, const GraphBuildOptions& options);

class SealedSegment;

// Builds over `rows`, of which the first are those of `base`, by inserting the others into base's stored graph, with
// base's parameters and codes. Errors: as build_index; kInvalidArgument if base has no graph that can be extended.
[[nodiscard]] Result<BuiltIndex> extend_index(const SealedSegment& base, const store::VdbFile& rows,
                                              std::uint32_t threads, const BuildProgress& progress = {});

}  // namespace vibrato::vector
