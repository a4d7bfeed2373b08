#include "engine/snapshot_capture.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

namespace vibrato::engine {
namespace {

constexpr int kWaitsMax = 5000;  // Of a millisecond.

// The deletes of a part as of `lsn`; nothing without any.
std::optional<catalog::DeleteBitmap> bitmap_of(const vector::SealedPart& part, Lsn lsn) {
  const vector::DeleteLsns& deletes = *part.deletes();
  if (deletes.count() == 0) {
    return std::nullopt;
  }
  catalog::DeleteBitmap bitmap;
  bitmap.lsn = lsn;
  for (std::uint32_t row = 0; row < part.row_count(); ++row) {
    bitmap.deleted_count += deletes.is_deleted(row, lsn) ? 1 : 0;
  }
  if (bitmap.deleted_count == 0) {
    return std::nullopt;
  }
  bitmap.bitmap = deletes.encode(lsn);
  return bitmap;
}

struct SavedCollections {
  std::vector<catalog::Collection> rows;
  std::vector<std::uint64_t> next_point_numbers;  // One a row.
  CollectionNumber number_max;

  [[nodiscard]] const catalog::Collection* find(CollectionNumber number) const {
    const auto found =
        std::find_if(rows.begin(), rows.end(), [number](const auto& row) { return row.number == number; });
    return found == rows.end() ? nullptr : &*found;
  }
};

Result<SavedCollections> read_saved(const catalog::Catalog& catalog) {
  return catalog.read([](const catalog::Tables& tables) -> Result<SavedCollections> {
    SavedCollections saved;
    VIBRATO_ASSIGN_OR_RETURN(saved.rows, tables.collections.live());
    for (const catalog::Collection& row : saved.rows) {
      VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t next, tables.collections.next_point_number(row.number));
      saved.next_point_numbers.push_back(next);
    }
    VIBRATO_ASSIGN_OR_RETURN(const CollectionNumber next, tables.collections.next_number());
    saved.number_max = CollectionNumber(next.value() - 1);
    return saved;
  });
}

bool is_current(const vector::Collection& collection, const vector::CollectionVersion& version) {
  const vector::VersionPtr now = collection.latest_version();
  return now->sealed == version.sealed && now->imported == version.imported && now->frozen == version.frozen;
}

Status wait_until_visible(const commit::VisibleLsn& visible, Lsn lsn) {
  for (int i = 0; visible.get() < lsn; ++i) {
    if (i == kWaitsMax) {
      return unavailable("writes do not become visible; a snapshot cannot be made");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return ok_status();
}

// The files of the other models. What they hold may be applied and not yet visible.
Status capture_files(const ModelFiles& files, const commit::VisibleLsn& visible, SnapshotCapture& result) {
  for (commit::FileModel* const file : files.all()) {
    VIBRATO_ASSIGN_OR_RETURN(auto captured, file->capture());
    result.log_after = std::min(result.log_after, captured->applied_lsn());
    VIBRATO_RETURN_IF_ERROR(wait_until_visible(visible, captured->applied_lsn()));
    result.files.push_back({std::string(file->file_name()), std::move(captured)});
  }
  return ok_status();
}

// Nothing when the database changed in between, so that it must be tried again.
Result<std::optional<SnapshotCapture>> try_capture(const vector::VectorModel& model, const ModelFiles& files,
                                                   Lsn idempotency_durable, const catalog::Catalog& catalog,
                                                   const commit::VisibleLsn& visible, const SaveImports& save_imports) {
  VIBRATO_ASSIGN_OR_RETURN(const SavedCollections saved, read_saved(catalog));
  SnapshotCapture result;
  result.number_max = saved.number_max;
  const Lsn before = visible.get();
  result.log_after = std::min(before, idempotency_durable);
  VIBRATO_RETURN_IF_ERROR(capture_files(files, visible, result));
  for (const vector::CollectionPtr& created : model.unsaved().created) {
    result.log_after = std::min(result.log_after, Lsn(created->identity().created_lsn.value() - 1));
  }
  std::vector<vector::CollectionPtr> collections;
  const std::vector<vector::CollectionPtr> all = model.all();
  result.collection_count = all.size();
  for (const vector::CollectionPtr& collection : all) {
    VIBRATO_RETURN_IF_ERROR(collection->check_writable());
    if (!collection->latest_version()->imported.empty()) {
      // The log alone does not bring it back.
      VIBRATO_RETURN_IF_ERROR(save_imports(collection));
      return std::optional<SnapshotCapture>();
    }
    const catalog::Collection* const row = saved.find(collection->identity().number);
    if (row == nullptr) {
      continue;  // Its creation is in the log.
    }
    const auto oldest_unsaved = collection->oldest_unsaved_lsn();
    // Without unsaved effects its next one lies above what was visible.
    const Lsn durable =
        oldest_unsaved.has_value() ? Lsn(oldest_unsaved->value() - 1) : std::max(before, collection->durable_lsn());
    result.log_after = std::min(result.log_after, durable);
    result.collections.push_back({*row, 0, collection->latest_version(), durable});
    collections.push_back(collection);
  }
  VIBRATO_RETURN_IF_ERROR(wait_until_visible(visible, model.applied_lsn()));
  result.lsn = visible.get();
  for (std::size_t i = 0; i < collections.size(); ++i) {
    if (!is_current(*collections[i], *result.collections[i].version)) {
      return std::optional<SnapshotCapture>();
    }
    result.collections[i].durable = std::min(result.collections[i].durable, result.lsn);
  }
  VIBRATO_ASSIGN_OR_RETURN(const SavedCollections saved_now, read_saved(catalog));
  if (saved_now.number_max != saved.number_max || saved_now.rows != saved.rows || model.all() != all) {
    return std::optional<SnapshotCapture>();
  }
  // Read last: not below what the files hold.
  for (CapturedCollection& captured : result.collections) {
    const auto row = static_cast<std::size_t>(saved_now.find(captured.row.number) - saved_now.rows.data());
    captured.next_point_number = saved_now.next_point_numbers[row];
  }
  return std::optional(std::move(result));
}

}  // namespace

Result<SnapshotCapture> capture(const vector::VectorModel& model, const ModelFiles& files,
                                const commit::IdempotencyKeys& idempotency, const catalog::Catalog& catalog,
                                const commit::VisibleLsn& visible, const SaveImports& save_imports) {
  while (true) {
    VIBRATO_ASSIGN_OR_RETURN(auto captured,
                             try_capture(model, files, idempotency.durable_lsn(), catalog, visible, save_imports));
    if (captured.has_value()) {
      return std::move(*captured);
    }
  }
}

catalog::VectorState vector_state(const SnapshotCapture& capture) {
  catalog::VectorState state;
  state.lsn = capture.lsn;
  state.trim_lsn = capture.log_after;
  state.number_max = capture.number_max;
  state.applied.push_back({"vector", CollectionNumber(), capture.log_after});
  for (const CapturedCollection& captured : capture.collections) {
    state.collections.push_back({captured.row, captured.next_point_number});
    state.applied.push_back({"vector", captured.row.number, captured.durable});
    for (const auto& part : captured.version->sealed) {
      catalog::VectorState::Part entry{part->entry(), bitmap_of(*part, capture.lsn)};
      entry.segment.state = catalog::SegmentState::kLive;
      entry.segment.damage.clear();
      state.parts.push_back(std::move(entry));
    }
  }
  return state;
}

}  // namespace vibrato::engine
