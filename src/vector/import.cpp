#include "vector/import.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <mutex>
#include <utility>

#include "base/limits.hpp"
#include "base/parallel_for.hpp"
#include "format/vector_records.hpp"
#include "vector/index_rows.hpp"
#include "vector/maintenance_context.hpp"
#include "vector/point_numbers.hpp"
#include "vector/segment_writer.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint8_t kImportedLevel = 1;
constexpr std::uint32_t kImportedRowsAStep = 4096;  // Between two looks at keep_going.
constexpr std::uint32_t kRowsTakenAStep = 256;      // The same while rows come, as fast as the client sends them.
// Looks for rows that give way without a lock; after so many, merges have to wait for one under it.
constexpr int kLooksMax = 3;

class ImportWrite final : public commit::Write {
 public:
  // Sets `accepted` once the record may come into the log.
  ImportWrite(VectorModel& model, CollectionPtr collection, std::vector<std::byte> body, std::shared_ptr<bool> accepted)
      : model_(model), collection_(std::move(collection)), body_(std::move(body)), accepted_(std::move(accepted)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    VIBRATO_RETURN_IF_ERROR(model_.check_takes_writes(*collection_));
    effects.add(static_cast<std::uint16_t>(format::VectorRecord::kVectorsImported), collection_->identity().number,
                std::move(body_));
    *accepted_ = true;
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override { return body_.size() + sizeof(*this); }

 private:
  VectorModel& model_;
  const CollectionPtr collection_;
  std::vector<std::byte> body_;
  const std::shared_ptr<bool> accepted_;
};

// Whether a write that was accepted, and failed, is surely not in the log.
bool is_not_logged(ErrorCode code) {
  return code == ErrorCode::kDiskFull || code == ErrorCode::kPayloadTooLarge;
}

}  // namespace

class Import::Impl {
 public:
  Impl(MaintenanceContext& context, CollectionPtr collection, ImportOptions options)
      : context_(context),
        collection_(std::move(collection)),
        options_(std::move(options)),
        written_(std::make_unique<WrittenFiles>(context.files)) {}

  ~Impl() {
    // Maps first: the files go with the last of them.
    import_.parts.clear();
    writer_.reset();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status add(const PointInput& point) {
    if (rows_ % kRowsTakenAStep == 0) {
      VIBRATO_RETURN_IF_ERROR(check());
    }
    VIBRATO_RETURN_IF_ERROR(check_point(collection_->settings(), point));
    if (writer_ == nullptr) {
      VIBRATO_RETURN_IF_ERROR(begin_file());
    }
    VIBRATO_RETURN_IF_ERROR(writer_->add({point.id.view(), SealedPart::kUnknownLsn, point.vector, point.meta_json}));
    import_.next_point_number = std::max(import_.next_point_number, number_after(point.id.view()));
    ++rows_;
    file_bytes_ += point.vector.size() * sizeof(float) + point.meta_json.size() + index_bytes();
    return file_bytes_ < context_.options.import_file_bytes ? ok_status() : end_file();
  }

  Status finish() {
    if (writer_ != nullptr) {
      VIBRATO_RETURN_IF_ERROR(end_file());
    }
    VIBRATO_RETURN_IF_ERROR(find_replaced_within());
    for (const std::shared_ptr<SealedPart>& part : import_.parts) {
      import_.points += part->row_count() - part->deletes()->count();
    }
    return ok_status();
  }

  Result<commit::Committed> commit(VectorModel& model, const Submit& submit) {
    const auto prepared = std::make_shared<PreparedImport>();
    prepared->import = import_;
    prepared->replaced = std::make_unique<ReplacedRows>(prepared->import.parts);
    prepared->import.replaced = prepared->replaced.get();
    for (int looks = 1;; ++looks) {
      VIBRATO_RETURN_IF_ERROR(prepared->replaced->look(*collection_->latest_version(), options_.keep_going));
      // What is merged from here on waits until the import is applied.
      const std::lock_guard lock(context_.commit_mutex);
      if (!prepared->replaced->covers(*collection_->latest_version())) {
        if (looks < kLooksMax) {
          continue;
        }
        VIBRATO_RETURN_IF_ERROR(prepared->replaced->look(*collection_->latest_version(), options_.keep_going));
      }
      return submit_prepared(model, prepared, submit);
    }
  }

  std::uint64_t rows_ = 0;
  std::uint64_t indexed_ = 0;
  NewImport import_;

 private:
  Status check() const { return options_.keep_going ? options_.keep_going() : ok_status(); }

  // About what a row takes in memory while it is indexed: links on level 0, ids, levels.
  [[nodiscard]] std::uint64_t index_bytes() const {
    return std::uint64_t{2} * collection_->settings().m * sizeof(std::uint32_t) + 64;
  }

  Status begin_file() {
    if (files_.size() == limits::kImportFilesMax) {
      return invalid_argument(fmt::format("the import is larger than {} segments; split it", limits::kImportFilesMax));
    }
    VIBRATO_ASSIGN_OR_RETURN(const std::string file, written_->add(SegmentFileKind::kSegment));
    VIBRATO_ASSIGN_OR_RETURN(writer_,
                             SegmentFileWriter::create(context_.fs, context_.options.data_folder, file,
                                                       collection_->identity().number, collection_->settings()));
    file_bytes_ = 0;
    return ok_status();
  }

  Status end_file() {
    VIBRATO_RETURN_IF_ERROR(check());
    VIBRATO_ASSIGN_OR_RETURN(const store::VdbFile* image, writer_->finish_rows());
    const IndexWork work{hardware_threads(), options_.keep_going};
    VIBRATO_ASSIGN_OR_RETURN(const BuiltIndex index, index_rows(*image, collection_->settings(), work));
    VIBRATO_RETURN_IF_ERROR(check());
    const bool has_index = index.graph != nullptr || index.codes.has_value();
    VIBRATO_ASSIGN_OR_RETURN(const catalog::Segment entry,
                             writer_->commit(has_index ? &index : nullptr, kImportedLevel, options_.keep_going));
    writer_.reset();
    VIBRATO_ASSIGN_OR_RETURN(
        const auto digest, options_.hash(fmt::format("{}/{}", context_.options.data_folder, entry.file), entry.bytes));
    VIBRATO_ASSIGN_OR_RETURN(const std::shared_ptr<SealedPart> part,
                             context_.files.open(entry, collection_->settings(), nullptr));
    files_.push_back({entry, digest});
    import_.parts.push_back(part);
    indexed_ = rows_;
    return ok_status();
  }

  // In each file the rows that a later one of the same id follows, and those whose id a later file has.
  Status find_replaced_within() {
    for (std::size_t i = 0; i < import_.parts.size(); ++i) {
      const SealedPart& part = *import_.parts[i];
      const std::span later(import_.parts.data() + i + 1, import_.parts.size() - i - 1);
      for (std::uint32_t row = 0; row < part.row_count(); ++row) {
        if (row % kImportedRowsAStep == 0) {
          VIBRATO_RETURN_IF_ERROR(check());
        }
        VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, part.id(row));
        VIBRATO_ASSIGN_OR_RETURN(const auto newest, part.find(id, Lsn::max()));
        bool is_replaced = !newest || *newest != row;
        for (std::size_t j = 0; j < later.size() && !is_replaced; ++j) {
          VIBRATO_ASSIGN_OR_RETURN(const auto other, later[j]->find(id, Lsn::max()));
          is_replaced = other.has_value();
        }
        if (is_replaced) {
          VIBRATO_RETURN_IF_ERROR(part.deletes()->mark(row, SealedPart::kUnknownLsn).status());
        }
      }
    }
    return ok_status();
  }

  Result<commit::Committed> submit_prepared(VectorModel& model, const PreparedImportPtr& prepared,
                                            const Submit& submit) {
    const std::string& first_file = files_.front().entry.file;
    model.imports().prepare(first_file, prepared);
    const auto accepted = std::make_shared<bool>(false);
    Result<commit::Committed> committed = submit(std::make_unique<ImportWrite>(model, collection_, body(), accepted));
    model.imports().forget(first_file);
    // Whether a write that failed for another reason is in the log, only the next start knows.
    if (*accepted && !is_not_logged(committed.status().code())) {
      written_->keep();
    }
    return committed;
  }

  [[nodiscard]] std::vector<std::byte> body() const {
    format::VectorsImported record;
    record.points = import_.points;
    record.next_point_number = import_.next_point_number;
    std::vector<std::vector<std::byte>> dead(files_.size());
    for (std::size_t i = 0; i < files_.size(); ++i) {
      if (import_.parts[i]->deletes()->count() > 0) {
        dead[i] = import_.parts[i]->deletes()->encode(Lsn::max());
      }
      const catalog::Segment& entry = files_[i].entry;
      record.files.push_back({entry.file, entry.level, entry.row_count, entry.bytes, files_[i].sha256, dead[i]});
    }
    return format::encode_vectors_imported(record);
  }

  struct File {
    catalog::Segment entry;
    std::array<std::byte, 32> sha256;
  };

  MaintenanceContext& context_;
  const CollectionPtr collection_;
  const ImportOptions options_;
  std::unique_ptr<WrittenFiles> written_;
  std::unique_ptr<SegmentFileWriter> writer_;  // Of the file at hand; null before its first row.
  std::uint64_t file_bytes_ = 0;               // Of its rows.
  std::vector<File> files_;
};

Import::Import(MaintenanceContext& context, CollectionPtr collection, ImportOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(collection), std::move(options))) {}

Import::~Import() = default;

Status Import::add(const PointInput& point) {
  return impl_->add(point);
}

Status Import::finish() {
  return impl_->finish();
}

std::uint64_t Import::rows() const {
  return impl_->rows_;
}

std::uint64_t Import::indexed() const {
  return impl_->indexed_;
}

std::uint64_t Import::points() const {
  return impl_->import_.points;
}

Result<commit::Committed> Import::commit(VectorModel& model, const Submit& submit) {
  return impl_->commit(model, submit);
}

}  // namespace vibrato::vector
