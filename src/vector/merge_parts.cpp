#include "vector/merge_parts.hpp"

#include <algorithm>
#include <utility>
#include <vibrato/check.hpp>

#include "hnsw/graph_merge.hpp"
#include "vector/archive.hpp"
#include "vector/choose_codes.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint8_t kMergedLevel = 1;
constexpr std::uint64_t kMergedRowsAStep = 1024;  // Between two looks at keep_going.
// A graph that lost more of its rows than this is not worth repairing.
constexpr double kAliveShareMin = 0.4;

bool is_alive(const SealedPart& part, std::uint32_t row, Lsn at) {
  return !part.deletes()->is_deleted(row, at);
}

GraphBuildOptions build_options(const CollectionSettings& settings) {
  GraphBuildOptions options;
  options.m = settings.m;
  options.ef_construction = settings.ef_construction;
  options.codes = wanted_codes(settings.quantization);
  options.threads = 1;
  return options;
}

// Whether rows of these settings get a graph, and whether they get codes without one.
bool wants_graph(const CollectionSettings& settings, std::uint32_t rows) {
  return settings.index == IndexKind::kHnsw && rows >= kCodedRowsMin;
}
bool wants_codes_alone(const CollectionSettings& settings) {
  return settings.index == IndexKind::kFlat &&
         (settings.quantization == Quantization::kSq4 || settings.quantization == Quantization::kSq8);
}

// The graph that is taken over, or an empty one.
hnsw::GraphView base_graph(const MergedRows& rows, const hnsw::GraphParams& params) {
  const SealedPart& first = *rows.inputs().front();
  if (!first.rows().has_graph()) {
    return {};
  }
  const hnsw::GraphView& graph = first.rows().graph();
  const bool fits = graph.m == params.m && graph.m0 == params.m0() && graph.row_count == first.row_count();
  const double alive_share = count_alive(first, rows.at()) / std::max(1.0, static_cast<double>(first.row_count()));
  return fits && alive_share >= kAliveShareMin ? graph : hnsw::GraphView{};
}

// Links the rows of `space`, from the graph of the first input where that is worth it.
Result<std::unique_ptr<hnsw::MutableGraph>> link_rows(const MergedRows& rows, const hnsw::RowSpace& space,
                                                      const CollectionSettings& settings, const KeepGoing& keep_going) {
  const GraphBuildOptions options = build_options(settings);
  hnsw::GraphParams params;
  params.m = options.m;
  params.ef_construction = options.ef_construction;
  params.seed = options.seed;
  const hnsw::GraphView base = base_graph(rows, params);
  hnsw::GraphMergeOptions merge_options;
  merge_options.progress = [&keep_going](std::uint64_t, std::uint64_t) { return may_go_on(keep_going); };
  static_assert(MergedRows::kGone == hnsw::kNoNeighbour);
  const auto new_rows = base.row_count == 0 ? std::span<const std::uint32_t>() : rows.new_rows(0);
  return hnsw::merge_graphs(simd::kernels(), space, base, new_rows, params, merge_options);
}

Result<BuiltIndex> build_merged(const MergedRows& rows, const store::VdbFile& image, const CollectionSettings& settings,
                                const KeepGoing& keep_going) {
  GraphBuildOptions options = build_options(settings);
  options.keep_going = keep_going;
  VIBRATO_ASSIGN_OR_RETURN(BuiltIndex index, code_rows(image, options));
  VIBRATO_RETURN_IF_ERROR(may_go_on(keep_going));
  if (wants_graph(settings, rows.count())) {
    VIBRATO_ASSIGN_OR_RETURN(index.graph, link_rows(rows, index.space(image), settings, keep_going));
  }
  return index;
}

// The codes and the codebook of an archive, as they are, for the rows that stay.
Result<BuiltIndex> carry_codes(const MergedRows& rows) {
  const SealedSegment& archive = rows.inputs().front()->rows();
  const hnsw::RowSpace& space = archive.space();
  BuiltIndex index;
  index.info = archive.build_info().value_or(BuildInfo{});
  index.info.codes = quant::CodeKind::kPq;
  index.norm_max = space.norm_max;
  index.product =
      std::make_unique<quant::ProductQuantizer>(space.metric, space.product->layout().dim, space.product->codebook());
  VIBRATO_ASSIGN_OR_RETURN(quant::ProductRows codes, quant::ProductRows::create(*index.product, rows.count()));
  for (std::uint32_t row = 0; row < archive.row_count(); ++row) {
    if (const std::uint32_t new_row = rows.new_row(0, row); new_row != MergedRows::kGone) {
      codes.put(new_row, space.codes.base + std::size_t{row} * space.codes.stride_bytes);
    }
  }
  index.product_codes.emplace(std::move(codes));
  return index;
}

// The rows of an archive without raw vectors, with what their codes stand for in their place. The writer leaves those
// out again, once the graph is repaired by them.
Status add_reconstructed(const MergedRows& rows, SegmentFileWriter& writer, const KeepGoing& keep_going) {
  const SealedPart& part = *rows.inputs().front();
  const hnsw::RowSpace& space = part.rows().space();
  std::vector<float> values(space.product->layout().dim);
  for (std::uint32_t row = 0; row < part.row_count(); ++row) {
    if (row % kMergedRowsAStep == 0) {
      VIBRATO_RETURN_IF_ERROR(may_go_on(keep_going));
    }
    if (rows.new_row(0, row) == MergedRows::kGone) {
      continue;
    }
    space.product->reconstruct(simd::kernels(), space.codes.base + std::size_t{row} * space.codes.stride_bytes,
                               values.data());
    SegmentRow out;
    VIBRATO_ASSIGN_OR_RETURN(out.id, part.id(row));
    out.lsn = part.row_lsn(row);
    out.vector = values;
    VIBRATO_ASSIGN_OR_RETURN(out.meta_json, part.meta_json(row));
    VIBRATO_RETURN_IF_ERROR(writer.add(out));
  }
  return ok_status();
}

Result<catalog::Segment> rewrite_archive(const MergedRows& rows, const MergeTarget& target, SegmentFileWriter& writer,
                                         const KeepGoing& keep_going) {
  VIBRATO_CHECK(rows.inputs().size() == 1 && rows.inputs().front()->rows().space().product != nullptr);
  VIBRATO_RETURN_IF_ERROR(add_reconstructed(rows, writer, keep_going));
  VIBRATO_ASSIGN_OR_RETURN(const store::VdbFile* image, writer.finish_rows());
  VIBRATO_ASSIGN_OR_RETURN(BuiltIndex index, carry_codes(rows));
  if (wants_graph(target.settings, rows.count())) {
    const hnsw::RowSpace space = plain_space(*image, image->inverse_norms().data());
    VIBRATO_ASSIGN_OR_RETURN(index.graph, link_rows(rows, space, target.settings, keep_going));
  }
  VIBRATO_RETURN_IF_ERROR(may_go_on(keep_going));
  return writer.commit(&index, kArchiveLevel);
}

}  // namespace

MergedRows::MergedRows(std::vector<SealedPartPtr> inputs, Lsn at) : inputs_(std::move(inputs)), at_(at) {
  for (const SealedPartPtr& input : inputs_) {
    std::vector<std::uint32_t> new_rows(input->row_count(), kGone);
    for (std::uint32_t row = 0; row < new_rows.size(); ++row) {
      if (is_alive(*input, row, at_)) {
        new_rows[row] = count_++;
      }
    }
    new_rows_.push_back(std::move(new_rows));
  }
}

Status MergedRows::for_each(const std::function<Status(const SegmentRow&)>& visit) const {
  for (std::size_t input = 0; input < inputs_.size(); ++input) {
    const SealedPart& part = *inputs_[input];
    for (std::uint32_t row = 0; row < part.row_count(); ++row) {
      if (new_rows_[input][row] == kGone) {
        continue;
      }
      SegmentRow values;
      VIBRATO_ASSIGN_OR_RETURN(values.id, part.id(row));
      values.lsn = part.row_lsn(row);
      VIBRATO_ASSIGN_OR_RETURN(values.vector, part.vector(row));
      VIBRATO_ASSIGN_OR_RETURN(values.meta_json, part.meta_json(row));
      VIBRATO_RETURN_IF_ERROR(visit(values));
    }
  }
  return ok_status();
}

Result<MergedRows::Deleted> MergedRows::deleted_since(Lsn up_to) const {
  DeleteLsns deleted(count_);
  for (std::size_t input = 0; input < inputs_.size(); ++input) {
    const DeleteLsns& deletes = *inputs_[input]->deletes();
    for (std::uint32_t row = 0; deletes.last_mark() > at_ && row < new_rows_[input].size(); ++row) {
      const Lsn lsn = deletes.deleted_at(row);
      if (lsn > at_ && lsn <= up_to && new_rows_[input][row] != kGone) {
        VIBRATO_RETURN_IF_ERROR(deleted.mark(new_rows_[input][row], lsn).status());
      }
    }
  }
  Deleted result;
  result.count = deleted.count();
  if (result.count > 0) {
    result.bitmap = deleted.encode(up_to);
  }
  return result;
}

std::uint32_t count_alive(const SealedPart& part, Lsn at) {
  if (part.deletes()->count() == 0) {
    return part.row_count();
  }
  std::uint32_t alive = 0;
  for (std::uint32_t row = 0; row < part.row_count(); ++row) {
    alive += is_alive(part, row, at) ? 1 : 0;
  }
  return alive;
}

std::vector<SealedPartPtr> order_inputs(std::vector<SealedPartPtr> inputs, Lsn at) {
  std::sort(inputs.begin(), inputs.end(),
            [](const SealedPartPtr& a, const SealedPartPtr& b) { return a->first_lsn() < b->first_lsn(); });
  const auto worth = [at](const SealedPartPtr& part) { return part->rows().has_graph() ? count_alive(*part, at) : 0; };
  const auto best =
      std::max_element(inputs.begin(), inputs.end(), [&](const auto& a, const auto& b) { return worth(a) < worth(b); });
  if (best != inputs.end()) {
    std::rotate(inputs.begin(), best, best + 1);
  }
  return inputs;
}

Status verify_part(const SealedPart& part, const KeepGoing& keep_going) {
  return part.rows()
      .file()
      .verify([&keep_going](std::uint64_t, std::uint64_t) { return may_go_on(keep_going); })
      .status();
}

Result<catalog::Segment> write_merged(const MergedRows& rows, const MergeTarget& target, const KeepGoing& keep_going) {
  VIBRATO_CHECK(rows.count() > 0);
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<SegmentFileWriter> writer,
                           SegmentFileWriter::create(target.fs, target.data_folder, target.file, target.collection,
                                                     target.settings, target.throttle));
  if (!rows.inputs().front()->rows().file().has_vectors()) {
    return rewrite_archive(rows, target, *writer, keep_going);
  }
  std::uint64_t added = 0;
  const auto add = [&](const SegmentRow& row) -> Status {
    if (added++ % kMergedRowsAStep == 0) {
      VIBRATO_RETURN_IF_ERROR(may_go_on(keep_going));
    }
    return writer->add(row);
  };
  VIBRATO_RETURN_IF_ERROR(rows.for_each(add));
  VIBRATO_ASSIGN_OR_RETURN(const store::VdbFile* image, writer->finish_rows());
  if (!wants_graph(target.settings, rows.count()) && !wants_codes_alone(target.settings)) {
    return writer->commit(nullptr, kMergedLevel);
  }
  VIBRATO_ASSIGN_OR_RETURN(BuiltIndex index, build_merged(rows, *image, target.settings, keep_going));
  VIBRATO_RETURN_IF_ERROR(may_go_on(keep_going));
  if (target.archive && index.graph != nullptr && may_be_archived(*image, index.norm_max)) {
    VIBRATO_RETURN_IF_ERROR(archive_index(*image, 1, index, keep_going));
    VIBRATO_RETURN_IF_ERROR(may_go_on(keep_going));
    return writer->commit(&index, kArchiveLevel, keep_going);
  }
  return writer->commit(&index, kMergedLevel, keep_going);
}

}  // namespace vibrato::vector
