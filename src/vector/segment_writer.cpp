#include "vector/segment_writer.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "filter/meta_index_builder.hpp"
#include "io/safe_path.hpp"
#include "store/id_columns.hpp"
#include "store/pack_writer.hpp"
#include "store/vdb_rewrite.hpp"
#include "vector/archive.hpp"
#include "vector/calibrate.hpp"
#include "vector/graph_file.hpp"
#include "vector/hot_segment.hpp"

namespace vibrato::vector {
namespace {

using MetaOfRow = std::function<Result<std::string_view>(std::uint32_t row)>;

store::VdbWriterOptions writer_options(const CollectionSettings& settings, const WriteThrottle& throttle) {
  store::VdbWriterOptions options;
  options.dim = settings.dim;
  options.metric = settings.metric;
  options.before_write = throttle;
  return options;
}

Status no_rows(const std::string& path) {
  return invalid_argument(path + ": a segment needs a row");
}

// One row of a hot part, borrowed from it.
Result<SegmentRow> row_of(const HotPart& part, std::uint32_t row) {
  SegmentRow result;
  VIBRATO_ASSIGN_OR_RETURN(result.id, part.id(row));
  result.lsn = part.row_lsn(row);
  VIBRATO_ASSIGN_OR_RETURN(result.vector, part.vector(row));
  VIBRATO_ASSIGN_OR_RETURN(result.meta_json, part.meta_json(row));
  return result;
}

// Rows with their ids into a writer of vectors: what files and parts of packs have in common.
class RowsAndIds {
 public:
  RowsAndIds(io::FileSystem& fs, const std::string& spool_prefix, std::unique_ptr<store::VdbRowWriter> rows)
      : rows_(std::move(rows)), ids_(fs, spool_prefix) {}

  Status add(const SegmentRow& row) {
    VIBRATO_RETURN_IF_ERROR(rows_->add(row.vector, row.meta_json));
    return ids_.add(row.id, row.lsn);
  }
  Status finish() {
    VIBRATO_RETURN_IF_ERROR(rows_->finish_rows());
    VIBRATO_RETURN_IF_ERROR(ids_.write(rows_->writer()));
    rows_->writer().set_lsn_range(ids_.first_lsn().value(), ids_.last_lsn().value());
    return ok_status();
  }
  [[nodiscard]] store::VdbWriter& writer() { return rows_->writer(); }
  // Of a live segment, without its bytes and its place in a pack.
  [[nodiscard]] catalog::Segment entry(CollectionNumber collection, const std::string& file, std::uint8_t level) const {
    catalog::Segment entry;
    entry.collection = collection;
    entry.file = file;
    entry.level = level;
    entry.row_count = ids_.rows();
    entry.first_lsn = ids_.first_lsn();
    entry.last_lsn = ids_.last_lsn();
    return entry;
  }

 private:
  std::unique_ptr<store::VdbRowWriter> rows_;
  store::IdColumns ids_;
};

// What filters find rows by. Nothing for rows without meta.
Status write_meta_index(store::VdbWriter& writer, std::uint32_t rows, const MetaOfRow& meta) {
  filter::MetaIndexBuilder builder;
  bool has_meta = false;
  for (std::uint32_t row = 0; row < rows; ++row) {
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view json, meta(row));
    has_meta = has_meta || !json.empty();
    VIBRATO_RETURN_IF_ERROR(builder.add(json));
  }
  if (!has_meta) {
    return ok_status();
  }
  const std::vector<std::byte> bytes = builder.finish();
  return store::write_section(writer, store::section_of(format::SectionKind::kMetaIndex, bytes));
}

// Rows of a small part as one image of a pack.
Result<catalog::Segment> add_to_pack(io::FileSystem& fs, const std::string& path, const std::string& file,
                                     const PackItem& item, store::PackWriter& pack) {
  if (item.row_count == 0) {
    return no_rows(path);
  }
  const std::uint32_t number = pack.part_count();
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<store::VdbWriter> writer,
                           pack.begin_part(writer_options(item.settings, {})));
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<store::VdbRowWriter> row_writer,
                           store::VdbRowWriter::over(fs, path, std::move(writer)));
  RowsAndIds rows(fs, path, std::move(row_writer));
  std::vector<PointIdView> ids;
  std::vector<std::uint64_t> lsns;
  for (std::uint32_t row = 0; row < item.row_count; ++row) {
    VIBRATO_ASSIGN_OR_RETURN(const SegmentRow values, item.row(row));
    VIBRATO_RETURN_IF_ERROR(rows.add(values));
    ids.push_back(values.id);
    lsns.push_back(values.lsn.value());
  }
  VIBRATO_RETURN_IF_ERROR(rows.finish());
  VIBRATO_RETURN_IF_ERROR(store::write_id_tables(
      rows.writer(), item.row_count, [&ids](std::uint32_t row) { return ids[row]; },
      [&lsns](std::uint32_t row) { return lsns[row]; }));
  VIBRATO_RETURN_IF_ERROR(
      write_meta_index(rows.writer(), item.row_count, [&](std::uint32_t row) -> Result<std::string_view> {
        VIBRATO_ASSIGN_OR_RETURN(const SegmentRow values, item.row(row));
        return values.meta_json;
      }));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t bytes, rows.writer().finish());
  pack.end_part(bytes);
  catalog::Segment entry = rows.entry(item.collection, file, item.level);
  entry.part = number;
  entry.bytes = bytes;
  return entry;
}

}  // namespace

std::optional<quant::CodeKind> wanted_codes(Quantization quantization) {
  switch (quantization) {
    case Quantization::kAuto:
      return std::nullopt;
    case Quantization::kSq8:
      return quant::CodeKind::kSq8;
    case Quantization::kSq4:
      return quant::CodeKind::kSq4;
    case Quantization::kNone:
      return quant::CodeKind::kNone;
  }
  return std::nullopt;
}

PackItem pack_item(CollectionNumber collection, const CollectionSettings& settings,
                   std::shared_ptr<const HotPart> part) {
  PackItem item{collection, settings, part->row_count(), {}, 0};
  item.row = [part = std::move(part)](std::uint32_t row) { return row_of(*part, row); };
  return item;
}

class SegmentFileWriter::Impl {
 public:
  Impl(io::FileSystem& fs, std::string path, std::string file, CollectionNumber collection,
       const CollectionSettings& settings, const WriteThrottle& throttle, std::unique_ptr<store::VdbRowWriter> rows)
      : fs_(fs),
        path_(std::move(path)),
        file_(std::move(file)),
        collection_(collection),
        drops_vectors_(settings.archive && !settings.archive->keep_raw),
        throttle_(throttle),
        rows_(fs, path_, std::move(rows)) {}

  Status add(const SegmentRow& row) {
    VIBRATO_CHECK(image_ == nullptr);
    return rows_.add(row);
  }

  Result<const store::VdbFile*> finish_rows() {
    VIBRATO_CHECK(image_ == nullptr);
    VIBRATO_RETURN_IF_ERROR(rows_.finish());
    VIBRATO_RETURN_IF_ERROR(rows_.writer().make_readable());
    VIBRATO_ASSIGN_OR_RETURN(image_, store::VdbFile::open(fs_, rows_.writer().temporary_path()));
    return image_.get();
  }

  // Requires: finish_rows().
  [[nodiscard]] std::uint32_t row_count() const {
    VIBRATO_CHECK(image_ != nullptr);
    return image_->rows();
  }

  Result<catalog::Segment> commit(const BuiltIndex* index, const format::GraphView* graph, std::uint8_t level,
                                  const std::function<Status()>& may_calibrate) {
    VIBRATO_CHECK(image_ != nullptr && (graph == nullptr || graph->row_count == image_->rows()));
    if (image_->rows() == 0) {
      return no_rows(path_);
    }
    if (drops_vectors_ && level == kArchiveLevel && index != nullptr && index->product != nullptr) {
      VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<store::VdbWriter> writer,
                               store::copy_without_vectors(fs_, *image_, path_, throttle_));
      // Without re-scoring the calibration would not hold.
      VIBRATO_RETURN_IF_ERROR(complete(*writer, index, graph, {}));
    } else {
      VIBRATO_RETURN_IF_ERROR(complete(rows_.writer(), index, graph, calibration_of(index, graph, may_calibrate)));
    }
    VIBRATO_ASSIGN_OR_RETURN(const io::FileInfo info, fs_.stat(path_));
    catalog::Segment entry = rows_.entry(collection_, file_, level);
    entry.bytes = info.size_bytes;
    return entry;
  }

 private:
  // The bytes of the section, or none: a segment is as good without one, but for searches that name a recall.
  [[nodiscard]] std::vector<std::byte> calibration_of(const BuiltIndex* index, const format::GraphView* graph,
                                                      const std::function<Status()>& may_calibrate) const {
    if (index == nullptr || graph == nullptr || graph->row_count < kCalibratedRowsMin) {
      return {};
    }
    CalibrationOptions options;
    options.keep_going = may_calibrate;
    const auto calibration = calibrate(index->space(*image_), *graph, options);
    return calibration.ok() ? format::write_calibration_section(*calibration) : std::vector<std::byte>();
  }

  // Writes what stands behind the rows, and publishes.
  Status complete(store::VdbWriter& writer, const BuiltIndex* index, const format::GraphView* graph,
                  std::span<const std::byte> calibration) {
    // First, as it looks at the checksums of the image, which the next section overwrites.
    VIBRATO_RETURN_IF_ERROR(
        write_meta_index(writer, image_->rows(), [this](std::uint32_t row) { return image_->meta_view(row); }));
    VIBRATO_RETURN_IF_ERROR(store::write_id_tables(writer, *image_));
    if (index != nullptr) {
      for (const store::NewSection& section : index_sections(*image_, *index, graph)) {
        VIBRATO_RETURN_IF_ERROR(store::write_section(writer, section));
      }
    }
    if (!calibration.empty()) {
      VIBRATO_RETURN_IF_ERROR(
          store::write_section(writer, store::section_of(format::SectionKind::kCalibration, calibration)));
    }
    return writer.commit();
  }

  io::FileSystem& fs_;
  std::string path_;
  std::string file_;
  CollectionNumber collection_;
  bool drops_vectors_;  // Of archives.
  WriteThrottle throttle_;
  RowsAndIds rows_;
  std::unique_ptr<store::VdbFile> image_;
};

SegmentFileWriter::SegmentFileWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SegmentFileWriter::~SegmentFileWriter() = default;

Result<std::unique_ptr<SegmentFileWriter>> SegmentFileWriter::create(io::FileSystem& fs, const std::string& data_folder,
                                                                     const std::string& file,
                                                                     CollectionNumber collection,
                                                                     const CollectionSettings& settings,
                                                                     const WriteThrottle& throttle) {
  VIBRATO_ASSIGN_OR_RETURN(std::string path, io::join_beneath(data_folder, file));
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<store::VdbRowWriter> rows,
                           store::VdbRowWriter::create(fs, path, writer_options(settings, throttle)));
  auto impl = std::make_unique<Impl>(fs, std::move(path), file, collection, settings, throttle, std::move(rows));
  return std::unique_ptr<SegmentFileWriter>(new SegmentFileWriter(std::move(impl)));
}

Status SegmentFileWriter::add(const SegmentRow& row) {
  return impl_->add(row);
}

Result<const store::VdbFile*> SegmentFileWriter::finish_rows() {
  return impl_->finish_rows();
}

Result<catalog::Segment> SegmentFileWriter::commit(const BuiltIndex* index, std::uint8_t level,
                                                   const std::function<Status()>& may_calibrate) {
  if (index == nullptr || index->graph == nullptr) {
    return impl_->commit(index, nullptr, level, may_calibrate);
  }
  const format::GraphView graph = index->graph->view(impl_->row_count());
  return impl_->commit(index, &graph, level, may_calibrate);
}

Result<catalog::Segment> SegmentFileWriter::commit(const BuiltIndex* index, const format::GraphView* graph,
                                                   std::uint8_t level, const std::function<Status()>& may_calibrate) {
  return impl_->commit(index, graph, level, may_calibrate);
}

Result<catalog::Segment> seal_hot_part(io::FileSystem& fs, const std::string& data_folder, const std::string& file,
                                       CollectionNumber collection, const CollectionSettings& settings,
                                       const HotPart& part, const WriteThrottle& throttle,
                                       const std::function<Status()>& may_calibrate) {
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<SegmentFileWriter> writer,
                           SegmentFileWriter::create(fs, data_folder, file, collection, settings, throttle));
  for (std::uint32_t row = 0; row < part.row_count(); ++row) {
    VIBRATO_ASSIGN_OR_RETURN(const SegmentRow values, row_of(part, row));
    VIBRATO_RETURN_IF_ERROR(writer->add(values));
  }
  VIBRATO_ASSIGN_OR_RETURN(const store::VdbFile* rows, writer->finish_rows());

  GraphBuildOptions options;
  options.codes = wanted_codes(settings.quantization);
  options.threads = 1;
  const hnsw::MutableGraph* graph = part.rows().graph();
  if (settings.index == IndexKind::kHnsw && graph != nullptr && part.indexed_count() == part.row_count()) {
    options.m = graph->params().m;
    options.ef_construction = graph->params().ef_construction;
    options.seed = graph->params().seed;
    VIBRATO_ASSIGN_OR_RETURN(const BuiltIndex index, code_rows(*rows, options));
    const format::GraphView view = graph->view(rows->rows());
    return writer->commit(&index, &view, 0, may_calibrate);
  }
  // Scans are exact unless codes were asked for by name.
  if (settings.index == IndexKind::kFlat && options.codes && *options.codes != quant::CodeKind::kNone) {
    VIBRATO_ASSIGN_OR_RETURN(const BuiltIndex index, code_rows(*rows, options));
    return writer->commit(&index, nullptr, 0);
  }
  return writer->commit(nullptr, nullptr, 0);
}

Result<std::vector<catalog::Segment>> seal_small_parts(io::FileSystem& fs, const std::string& data_folder,
                                                       const std::string& file, std::span<const PackItem> items) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::join_beneath(data_folder, file));
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<store::PackWriter> pack, store::PackWriter::create(fs, path));
  std::vector<catalog::Segment> entries;
  entries.reserve(items.size());
  for (const PackItem& item : items) {
    VIBRATO_ASSIGN_OR_RETURN(catalog::Segment entry, add_to_pack(fs, path, file, item, *pack));
    entries.push_back(std::move(entry));
  }
  VIBRATO_RETURN_IF_ERROR(pack->commit());
  return entries;
}

}  // namespace vibrato::vector
