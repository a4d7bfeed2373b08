#include "vector/index_rows.hpp"

#include "hnsw/graph_merge.hpp"
#include "vector/choose_codes.hpp"
#include "vector/segment_writer.hpp"

namespace vibrato::vector {

Result<BuiltIndex> index_rows(const store::VdbFile& rows, const CollectionSettings& settings, const IndexWork& work) {
  const bool wants_graph = settings.index == IndexKind::kHnsw && rows.rows() >= kCodedRowsMin;
  const bool wants_codes = settings.index == IndexKind::kFlat &&
                           (settings.quantization == Quantization::kSq4 || settings.quantization == Quantization::kSq8);
  if (!wants_graph && !wants_codes) {
    return BuiltIndex{};
  }
  GraphBuildOptions options;
  options.m = settings.m;
  options.ef_construction = settings.ef_construction;
  options.codes = wanted_codes(settings.quantization);
  options.threads = static_cast<std::uint32_t>(work.threads);
  options.keep_going = work.keep_going;
  VIBRATO_ASSIGN_OR_RETURN(BuiltIndex index, code_rows(rows, options));
  if (wants_graph) {
    hnsw::GraphParams params;
    params.m = options.m;
    params.ef_construction = options.ef_construction;
    params.seed = options.seed;
    hnsw::GraphMergeOptions merge;
    merge.threads = options.threads;
    merge.progress = [&work](std::uint64_t, std::uint64_t) {
      return work.keep_going ? work.keep_going() : ok_status();
    };
    VIBRATO_ASSIGN_OR_RETURN(index.graph,
                             hnsw::merge_graphs(simd::kernels(), index.space(rows), {}, {}, params, merge));
  }
  return index;
}

}  // namespace vibrato::vector
