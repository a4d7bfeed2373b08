// One immutable segment: a `.vdb` file and its index, searched straight from the map.
//
// Opening reads headers only: nothing is decoded, and memory does not grow with the rows, unless the file lacks
// inverse norms under cosine (older writers), which are computed then. Edges and codes come from stored bytes; every
// edge is checked where it is followed, and codes can only mislead the order of a walk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "format/calibration.hpp"
#include "format/codes.hpp"
#include "format/meta_index.hpp"
#include "hnsw/searcher.hpp"
#include "io/file_system.hpp"
#include "store/vdb_file.hpp"
#include "vector/built_index.hpp"
#include "vector/flat_scan.hpp"
#include "vector/vector_access.hpp"

namespace vibrato::vector {

// Immutable. Thread-safety: all methods may be called from many threads at once.
class SealedSegment {
 public:
  // Errors: as VdbFile::open; kCorruption (file and offset named) for index sections that do not fit the file.
  [[nodiscard]] static Result<std::unique_ptr<SealedSegment>> open(io::FileSystem& fs, const std::string& path,
                                                                   VectorAccess access = VectorAccess::kRandom);
  [[nodiscard]] static Result<std::unique_ptr<SealedSegment>> from_file(std::unique_ptr<store::VdbFile> file,
                                                                        VectorAccess access = VectorAccess::kRandom);
  // Serves a file with an index that was built over it and could not be stored.
  [[nodiscard]] static std::unique_ptr<SealedSegment> with_index(std::unique_ptr<store::VdbFile> file,
                                                                 BuiltIndex index);

  [[nodiscard]] const store::VdbFile& file() const { return *file_; }
  [[nodiscard]] std::uint32_t row_count() const { return space_.row_count; }
  // Without a graph every search is an exact scan.
  [[nodiscard]] bool has_graph() const { return has_graph_; }
  [[nodiscard]] const hnsw::RowSpace& space() const { return space_; }
  // Requires: has_graph().
  [[nodiscard]] const hnsw::GraphView& graph() const { return graph_; }
  // Null if the file has none: then no row has meta, unless file().has_meta() says otherwise (older files).
  [[nodiscard]] const format::MetaIndexView* meta_index() const { return meta_index_ ? &*meta_index_ : nullptr; }
  // Null if the file has none.
  [[nodiscard]] const format::Calibration* calibration() const { return calibration_ ? &*calibration_ : nullptr; }
  // How the index was built; nothing if the file does not say.
  [[nodiscard]] const std::optional<BuildInfo>& build_info() const { return build_info_; }

  // As hnsw::search: the nearest rows, nearest first, ties by row. Where raw vectors were dropped, distances are those
  // of the codes.
  void search(const float* query, const hnsw::SearchParams& params, hnsw::SearchScratch& scratch,
              std::vector<hnsw::Hit>& hits) const;

 private:
  explicit SealedSegment(std::unique_ptr<store::VdbFile> file);

  [[nodiscard]] Status load_norms();
  [[nodiscard]] Status load_graph();
  [[nodiscard]] Status load_meta_index();
  [[nodiscard]] Status load_calibration();
  [[nodiscard]] Status load_codes();
  [[nodiscard]] Status load_scalar_codes(const format::QuantizerDescription& description, std::uint64_t offset);
  [[nodiscard]] Status load_product_codes(format::QuantizerDescription& description, std::uint64_t offset);
  // The codes section, of `stride` bytes a row. `offset` is that of the quantizer section, for messages.
  [[nodiscard]] Result<const std::byte*> codes_of(std::uint32_t stride, std::uint64_t offset) const;
  void advise(VectorAccess access) const;

  std::unique_ptr<store::VdbFile> file_;
  std::optional<BuiltIndex> built_;
  std::vector<float> inverse_norms_;
  std::unique_ptr<quant::ScalarQuantizer> quantizer_;
  std::unique_ptr<quant::ProductQuantizer> product_;
  hnsw::RowSpace space_;
  hnsw::GraphView graph_;
  bool has_graph_ = false;
  std::optional<format::MetaIndexView> meta_index_;
  std::optional<format::Calibration> calibration_;
  std::optional<BuildInfo> build_info_;
};

}  // namespace vibrato::vector
