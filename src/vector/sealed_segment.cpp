#include "vector/sealed_segment.hpp"

#include <limits>
#include <utility>

#include "format/codes.hpp"
#include "format/corrupt_at.hpp"
#include "format/graph.hpp"
#include "store/vdb_row_writer.hpp"
#include "vector/flat_scan.hpp"

namespace vibrato::vector {

using format::SectionKind;

Result<std::unique_ptr<SealedSegment>> SealedSegment::open(io::FileSystem& fs, const std::string& path,
                                                           VectorAccess access) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<store::VdbFile> file, store::VdbFile::open(fs, path));
  return from_file(std::move(file), access);
}

Result<std::unique_ptr<SealedSegment>> SealedSegment::from_file(std::unique_ptr<store::VdbFile> file,
                                                                VectorAccess access) {
  std::unique_ptr<SealedSegment> segment(new SealedSegment(std::move(file)));
  VIBRATO_RETURN_IF_ERROR(segment->load_norms());
  VIBRATO_RETURN_IF_ERROR(segment->load_graph());
  VIBRATO_RETURN_IF_ERROR(segment->load_codes());
  VIBRATO_RETURN_IF_ERROR(segment->load_meta_index());
  VIBRATO_RETURN_IF_ERROR(segment->load_calibration());
  if (!segment->file_->has_vectors() && segment->space_.product == nullptr) {
    return corruption(segment->file_->path() + ": neither vectors nor product codes of its rows");
  }
  segment->build_info_ = parse_build_info(segment->file_->build_info());
  segment->advise(access);
  return segment;
}

std::unique_ptr<SealedSegment> SealedSegment::with_index(std::unique_ptr<store::VdbFile> file, BuiltIndex index) {
  std::unique_ptr<SealedSegment> segment(new SealedSegment(std::move(file)));
  segment->built_.emplace(std::move(index));
  segment->space_ = segment->built_->space(*segment->file_);
  segment->graph_ = segment->built_->graph->view(segment->row_count());
  segment->has_graph_ = true;
  segment->build_info_ = segment->built_->info;
  segment->advise(VectorAccess::kRandom);
  return segment;
}

SealedSegment::SealedSegment(std::unique_ptr<store::VdbFile> file)
    : file_(std::move(file)), space_(plain_space(*file_, file_->inverse_norms().data())) {}

Status SealedSegment::load_norms() {
  if (file_->metric() != Metric::kCosine || !file_->inverse_norms().empty() || !file_->has_vectors()) {
    return ok_status();
  }
  inverse_norms_.reserve(row_count());
  const store::VectorRows vectors = file_->vectors();
  for (std::uint32_t row = 0; row < vectors.rows; ++row) {
    inverse_norms_.push_back(store::inverse_norm(vectors.row(row)));
  }
  space_.inverse_norms = inverse_norms_.data();
  return ok_status();
}

Status SealedSegment::load_graph() {
  const auto section = file_->section(SectionKind::kGraph);
  if (!section) {
    return ok_status();
  }
  const std::uint64_t offset = file_->layout().find(SectionKind::kGraph)->offset;
  VIBRATO_ASSIGN_OR_RETURN(graph_, format::parse_graph_section(*section, row_count(), file_->path(), offset));
  has_graph_ = true;
  return ok_status();
}

Status SealedSegment::load_codes() {
  space_.norm_max = std::numeric_limits<float>::max();  // Unless the file knows better.
  const auto section = file_->section(SectionKind::kQuantizer);
  if (!section) {
    return ok_status();
  }
  const std::uint64_t offset = file_->layout().find(SectionKind::kQuantizer)->offset;
  auto description = format::parse_quantizer_section(*section, file_->dim(), file_->metric(), offset);
  if (!description.ok()) {
    return description.status().with_context(file_->path());
  }
  space_.norm_max = description->norm_max;
  switch (static_cast<quant::CodeKind>(description->code_kind)) {
    case quant::CodeKind::kNone:
      return ok_status();
    case quant::CodeKind::kSq8:
    case quant::CodeKind::kSq4:
      return load_scalar_codes(*description, offset);
    case quant::CodeKind::kPq:
      return load_product_codes(*description, offset);
  }
  return ok_status();
}

Status SealedSegment::load_meta_index() {
  const auto section = file_->section(SectionKind::kMetaIndex);
  if (!section) {
    return ok_status();
  }
  const std::uint64_t begin = file_->layout().find(SectionKind::kMetaIndex)->offset;
  const auto check = [file = file_.get(), begin](std::uint64_t offset, std::uint64_t length) {
    return file->check_once(begin + offset, length);
  };
  auto index = format::MetaIndexView::open(*section, row_count(), check);
  if (!index.ok()) {
    return index.status().with_context(file_->path() + ": meta index");
  }
  meta_index_ = *std::move(index);
  return ok_status();
}

Status SealedSegment::load_calibration() {
  const auto section = file_->section(SectionKind::kCalibration);
  if (!section) {
    return ok_status();
  }
  const std::uint64_t offset = file_->layout().find(SectionKind::kCalibration)->offset;
  auto calibration = format::parse_calibration_section(*section, offset);
  if (!calibration.ok()) {
    return calibration.status().with_context(file_->path());
  }
  calibration_ = *std::move(calibration);
  return ok_status();
}

Result<const std::byte*> SealedSegment::codes_of(std::uint32_t stride, std::uint64_t offset) const {
  const auto codes = file_->section(SectionKind::kCodes);
  const std::uint64_t expected = std::uint64_t{row_count()} * stride;
  if (!codes || codes->size() != expected) {
    const auto* entry = file_->layout().find(SectionKind::kCodes);
    return format::corrupt_at(entry != nullptr ? entry->offset : offset, "length of the codes section", expected,
                              codes ? codes->size() : 0)
        .with_context(file_->path());
  }
  return codes->data();
}

Status SealedSegment::load_scalar_codes(const format::QuantizerDescription& description, std::uint64_t offset) {
  const auto kind = static_cast<quant::CodeKind>(description.code_kind);
  const quant::CodeLayout layout = quant::CodeLayout::of(kind, file_->dim());
  if (description.code_bytes != layout.code_bytes || description.stride_bytes != layout.stride_bytes) {
    return format::corrupt_at(offset, "layout of coded rows",
                              fmt::format("{} of {} bytes", layout.code_bytes, layout.stride_bytes),
                              fmt::format("{} of {} bytes", description.code_bytes, description.stride_bytes))
        .with_context(file_->path());
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::byte* codes, codes_of(layout.stride_bytes, offset));
  quantizer_ =
      std::make_unique<quant::ScalarQuantizer>(file_->metric(), kind, description.centre, description.rotation_seed);
  space_.quantizer = quantizer_.get();
  space_.codes = {codes, layout.stride_bytes, layout.code_bytes};
  return ok_status();
}

Status SealedSegment::load_product_codes(format::QuantizerDescription& description, std::uint64_t offset) {
  const std::uint32_t bytes = quant::ProductLayout::of(file_->dim()).code_bytes;
  if (description.code_bytes != bytes || description.stride_bytes != bytes) {
    return format::corrupt_at(offset, "bytes of a row of product codes", bytes,
                              fmt::format("{}, {} from row to row", description.code_bytes, description.stride_bytes))
        .with_context(file_->path());
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::byte* codes, codes_of(bytes, offset));
  quant::ProductCodebook codebook;
  codebook.centre = std::move(description.centre);
  if (description.product.rotated) {
    codebook.rotation_seed = description.rotation_seed;
  }
  codebook.centroids = std::move(description.product.centroids);
  codebook.mean_error = description.product.mean_error;
  codebook.bias = description.product.bias;
  codebook.error_scale = description.product.error_scale;
  product_ = std::make_unique<quant::ProductQuantizer>(file_->metric(), file_->dim(), std::move(codebook));
  space_.product = product_.get();
  space_.codes = {codes, bytes, bytes};
  return ok_status();
}

void SealedSegment::advise(VectorAccess access) const {
  using Access = io::ReadOnlyMap::Access;
  const io::ReadOnlyMap& map = file_->map();
  const format::VdbLayout& layout = file_->layout();
  if (!has_graph_) {
    return;  // Scans read everything in order, which the system handles best by itself.
  }
  if (access == VectorAccess::kRandom) {
    map.advise(Access::kRandom, layout.vectors.offset, layout.vectors.length);
  }
  for (const SectionKind kind : {SectionKind::kCodes, SectionKind::kGraph}) {
    if (const auto* entry = layout.find(kind); entry != nullptr && !built_) {
      map.advise(Access::kHugePages, entry->offset, entry->length);
      map.advise(Access::kWillNeed, entry->offset, entry->length);
    }
  }
  for (const SectionKind kind : {SectionKind::kIds, SectionKind::kIdHash}) {
    if (const auto* entry = layout.find(kind); entry != nullptr) {
      map.advise(Access::kWillNeed, entry->offset, entry->length);
    }
  }
}

void SealedSegment::search(const float* query, const hnsw::SearchParams& params, hnsw::SearchScratch& scratch,
                           std::vector<hnsw::Hit>& hits) const {
  const simd::Kernels& kernels = simd::kernels();
  if (has_graph_ && params.k < row_count() / kScanShare) {
    hnsw::search(kernels, graph_, space_, query, params, scratch, hits);
    return;
  }
  thread_local ScanScratch scan;
  if (!space_.has_vectors()) {
    scan_coded_rows(kernels, space_, query, 0, row_count(), params.k, scan, hits, params.predicate);
    return;
  }
  scan_rows(kernels, space_, query, 0, row_count(), params.k, scan, hits, params.predicate);
}

}  // namespace vibrato::vector
