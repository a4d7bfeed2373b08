#include "engine/state_swap.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "catalog/catalog.hpp"
#include "engine/witness.hpp"
#include "io/atomic_file.hpp"
#include "io/copy_file.hpp"
#include "vector/segment_writer.hpp"

namespace vibrato::engine {
namespace {

constexpr std::string_view kMarkerBegin = "{\"replaced\":\"";
constexpr std::string_view kMarkerEnd = "\"}\n";
constexpr std::size_t kIdDigitsMax = 20;

// In the order in which they are swapped. The witness goes with the catalog, journals with their database, and no new
// ones come. All of those before anything is put in place: a journal beside another database would spoil it.
constexpr std::array<std::string_view, 16> kPieces = {
    kWitnessFile,          "catalog.db-wal", "catalog.db-journal",    "state.db-wal", "state.db-journal", "docs.db-wal",
    "docs.db-journal",     "sql.db-wal",     "sql.db-journal",        kStateFile,     kDocumentsFile,     kSqlFile,
    catalog::kCatalogFile, kLogFolder,       vector::kSegmentsFolder, kPepperFile};
constexpr std::size_t kCompanionPieces = 9;

class Swap {
 public:
  Swap(io::FileSystem& fs, const DataFolder& folder) : fs_(fs), folder_(folder) {}

  [[nodiscard]] std::string staged(std::string_view piece) const {
    return folder_.path("restoring-" + std::string(piece));
  }
  [[nodiscard]] std::string replaced(std::string_view id, std::string_view piece) const {
    return folder_.path("replaced-" + std::string(id) + "-" + std::string(piece));
  }

  Result<bool> exists(const std::string& path) const {
    const Status found = fs_.stat(path).status();
    if (found.ok()) {
      return true;
    }
    return found.code() == ErrorCode::kNotFound ? Result<bool>(false) : found;
  }

  // Of any piece, at the path that `path_of` gives it.
  template <typename PathOf>
  Result<bool> any_exists(const PathOf& path_of) const {
    for (const std::string_view piece : kPieces) {
      VIBRATO_ASSIGN_OR_RETURN(const bool is_there, exists(path_of(piece)));
      if (is_there) {
        return true;
      }
    }
    return false;
  }

  Status clear_staged() const {
    for (const std::string_view piece : kPieces) {
      const auto found = fs_.stat(staged(piece));
      if (found.status().code() == ErrorCode::kNotFound) {
        continue;
      }
      VIBRATO_RETURN_IF_ERROR(found.status());
      VIBRATO_RETURN_IF_ERROR(found->is_directory ? remove_tree(fs_, staged(piece)) : fs_.remove_file(staged(piece)));
    }
    return ok_status();
  }

  // Files outside the folders, which hold what keys are checked by, stay private where they are copied.
  Status stage(const DataFolder& built, bool take_pepper) const {
    for (const std::string_view piece : std::span(kPieces).first(kCompanionPieces)) {
      VIBRATO_ASSIGN_OR_RETURN(const bool has_journal, exists(built.path(piece)));
      if (has_journal && piece.ends_with("-wal")) {
        return io_error(built.path(piece) + ": its content could not be copied into the database");
      }
    }
    for (const std::string_view piece : std::span(kPieces).subspan(kCompanionPieces)) {
      const auto found = fs_.stat(built.path(piece));
      const bool is_absent = found.status().code() == ErrorCode::kNotFound;
      if (is_absent || (piece == kPepperFile && !take_pepper)) {
        continue;
      }
      VIBRATO_RETURN_IF_ERROR(found.status());
      VIBRATO_RETURN_IF_ERROR(found->is_directory ? stage_folder(built.path(piece), staged(piece))
                                                  : io::link_or_copy(fs_, built.path(piece), staged(piece),
                                                                     io::OpenMode::kCreateNewPrivate));
    }
    return fs_.sync_directory(folder_.root());
  }

  // The decided steps. Each looks at what is there, so that they can be taken again.
  Status run(std::string_view id) const {
    VIBRATO_ASSIGN_OR_RETURN(const bool catalog_waits, exists(staged(catalog::kCatalogFile)));
    for (std::size_t i = 0; i < kPieces.size(); ++i) {
      if (i < kCompanionPieces) {
        if (catalog_waits) {
          VIBRATO_RETURN_IF_ERROR(move_aside(kPieces[i], id));
        }
        continue;
      }
      VIBRATO_ASSIGN_OR_RETURN(const bool waits, exists(staged(kPieces[i])));
      if (waits) {
        VIBRATO_RETURN_IF_ERROR(move_aside(kPieces[i], id));
        VIBRATO_RETURN_IF_ERROR(fs_.rename(staged(kPieces[i]), folder_.path(kPieces[i])));
        VIBRATO_RETURN_IF_ERROR(fs_.sync_directory(folder_.root()));
      }
    }
    VIBRATO_RETURN_IF_ERROR(fs_.remove_file(folder_.path(kRestoreMarkerFile)));
    return fs_.sync_directory(folder_.root());
  }

  // The id in the marker; empty without one.
  Result<std::string> read_marker() const {
    const auto file = fs_.open(folder_.path(kRestoreMarkerFile), io::OpenMode::kReadOnly);
    if (file.status().code() == ErrorCode::kNotFound) {
      return std::string();
    }
    VIBRATO_RETURN_IF_ERROR(file.status());
    std::array<std::byte, 128> bytes{};
    VIBRATO_ASSIGN_OR_RETURN(const std::size_t count, (*file)->read_at(0, bytes));
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), count);
    if (text.starts_with(kMarkerBegin) && text.ends_with(kMarkerEnd)) {
      text.remove_prefix(kMarkerBegin.size());
      text.remove_suffix(kMarkerEnd.size());
      const bool is_id = !text.empty() && text.size() <= kIdDigitsMax &&
                         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (is_id) {
        return std::string(text);
      }
    }
    return corruption(folder_.path(kRestoreMarkerFile) + ": expected the marker of a restore, found something else");
  }

  Status write_marker(std::string_view id) const {
    const std::string text = std::string(kMarkerBegin) + std::string(id) + std::string(kMarkerEnd);
    return io::write_file_atomically(fs_, folder_.path(kRestoreMarkerFile), std::as_bytes(std::span(text)));
  }

 private:
  Status stage_folder(const std::string& from, const std::string& to) const {
    VIBRATO_RETURN_IF_ERROR(fs_.create_directory(to));
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<io::FileInfo> files, fs_.list_directory(from));
    for (const io::FileInfo& file : files) {
      if (file.is_regular) {
        VIBRATO_RETURN_IF_ERROR(io::link_or_copy(fs_, from + "/" + file.name, to + "/" + file.name));
      }
    }
    return fs_.sync_directory(to);
  }

  Status move_aside(std::string_view piece, std::string_view id) const {
    VIBRATO_ASSIGN_OR_RETURN(const bool is_there, exists(folder_.path(piece)));
    if (!is_there) {
      return ok_status();
    }
    VIBRATO_RETURN_IF_ERROR(fs_.rename(folder_.path(piece), replaced(id, piece)));
    return fs_.sync_directory(folder_.root());
  }

  io::FileSystem& fs_;
  const DataFolder& folder_;
};

}  // namespace

Result<std::string> swap_state(io::FileSystem& fs, const DataFolder& folder, const DataFolder& built, bool take_pepper,
                               std::int64_t id) {
  const Swap swap(fs, folder);
  std::string id_text = std::to_string(std::max<std::int64_t>(id, 0));
  while (true) {
    VIBRATO_ASSIGN_OR_RETURN(const bool taken,
                             swap.any_exists([&](std::string_view piece) { return swap.replaced(id_text, piece); }));
    if (!taken) {
      break;
    }
    id_text = std::to_string(std::max<std::int64_t>(++id, 0));
  }
  VIBRATO_RETURN_IF_ERROR(swap.clear_staged());
  VIBRATO_RETURN_IF_ERROR(swap.stage(built, take_pepper));
  VIBRATO_ASSIGN_OR_RETURN(const bool had_state,
                           swap.any_exists([&](std::string_view piece) { return folder.path(piece); }));
  VIBRATO_RETURN_IF_ERROR(swap.write_marker(id_text));
  VIBRATO_RETURN_IF_ERROR(swap.run(id_text));
  return had_state ? swap.replaced(id_text, "*") : std::string();
}

Status finish_swap(io::FileSystem& fs, const DataFolder& folder) {
  const Swap swap(fs, folder);
  VIBRATO_ASSIGN_OR_RETURN(const std::string id, swap.read_marker());
  return id.empty() ? swap.clear_staged() : swap.run(id);
}

}  // namespace vibrato::engine
