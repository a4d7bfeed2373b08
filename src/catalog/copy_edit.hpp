// Changes a copy of a catalog before it becomes one: a snapshot describes another moment than the catalog does, and a
// restore keeps the keys of the folder. Only for files that no Catalog has open.
#pragma once

#include <optional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "catalog/catalog.hpp"

namespace vibrato::catalog {

// The collections and their files as of one LSN. What other models have saved above it is cut off.
struct VectorState {
  Lsn lsn;
  struct Entry {
    Collection collection;
    std::uint64_t next_point_number = 0;
  };
  std::vector<Entry> collections;
  struct Part {
    Segment segment;                     // Its id is given anew.
    std::optional<DeleteBitmap> bitmap;  // Its segment is the one above.
  };
  std::vector<Part> parts;
  std::vector<AppliedLsn> applied;  // Of the model of vectors.
  Lsn trim_lsn;
  CollectionNumber number_max;  // The highest that was given by then, also to what was dropped.
};

struct KeysAndAudit {
  std::vector<ApiKey> keys;
  std::vector<AuditEvent> audit;  // Newest first, as AuditTable::page answers them.
};

// What is replaced; the rest stays.
struct CopyEdit {
  std::optional<VectorState> vectors = std::nullopt;
  std::optional<KeysAndAudit> keys = std::nullopt;
  std::optional<std::vector<Snapshot>> snapshots = std::nullopt;
  bool forget_jobs = true;
  std::uint64_t file_number_max = 0;  // See StoreInfo; it is never lowered.
};

// The file is durable, and one file, when it answers ok; after an error it is unusable.
// Errors: those of the tables and of Connection::open.
[[nodiscard]] Status edit_copy(sqlite::Vfs& vfs, const std::string& path, const CopyEdit& edit);

// After the last connection to a catalog was closed, which says nothing of a journal that could not be written back: ok
// if it is one file, and durable. What is copied, renamed or sent elsewhere must be. Errors: kIoError.
[[nodiscard]] Status finish_copy(io::FileSystem& fs, const std::string& path);

// Makes one without anything in it. kAlreadyExists if `path` is there.
[[nodiscard]] Status make_empty(sqlite::Vfs& vfs, const std::string& path, const Clock& clock);

// What a copy says.
struct CopyContent {
  StoreInfo store;
  std::vector<Collection> collections;  // Live ones.
  std::vector<Segment> segments;
  std::vector<AppliedLsn> applied;
  std::uint64_t keys = 0;
};
// Checks the structure of the database as well, bitmaps included. Errors: kCorruption; kInvalidArgument for one of a
// newer version.
[[nodiscard]] Result<CopyContent> read_copy(sqlite::Vfs& vfs, const std::string& path, const Clock& clock);

// All keys and audit rows of an open catalog.
[[nodiscard]] Result<KeysAndAudit> read_keys_and_audit(const Catalog& catalog);

}  // namespace vibrato::catalog
