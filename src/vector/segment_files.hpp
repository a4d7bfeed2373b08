// The files of the segments folder: their names, which of them nobody needs any more, and what a crash left.
//
// A file is needed while the catalog names it, and after that until the last reader has left each part of it that was
// in use. Names are ours when they are `segment-` or `pack-`, 16 digits, `.vdb`, and for temporary files exactly what
// the writers of the store append; whatever has another name is foreign and never touched. A number is not given twice
// while a file of ours with it may exist.
//
// A file in quarantine is named `<time>-<its name>`: when it was moved there, in 13 digits of milliseconds since 1970.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/metrics.hpp"
#include "catalog/catalog.hpp"
#include "io/file_system.hpp"
#include "store/pack_file.hpp"
#include "vector/sealed_part.hpp"

namespace vibrato::vector {

// Relative to the data folder.
inline constexpr std::string_view kQuarantineFolder = "quarantine";

enum class SegmentFileKind : std::uint8_t { kSegment, kPack };

// Whether a file of the segments folder has a name of ours; temporary files have none.
[[nodiscard]] bool is_segment_file(std::string_view name);
// The number in such a name; 0 for another one.
[[nodiscard]] std::uint64_t segment_file_number(std::string_view name);

// When a file of the quarantine was moved there, by its name; 0 where the name of one of our files does not tell.
// Nothing for a foreign name.
[[nodiscard]] std::optional<std::int64_t> quarantined_at_ms(std::string_view name);

// Thread-safety: all methods may be called from many threads at once.
class SegmentFiles {
 public:
  // All outlive it. `removed` counts the files that are removed; may be null.
  SegmentFiles(io::FileSystem& fs, catalog::Catalog& catalog, std::string data_folder,
               VectorAccess vector_access = VectorAccess::kRandom, Counter* removed = nullptr);

  // A path relative to the data folder that no file has or had: the log may name files that are gone. Errors: those of
  // reading the folder, and of the catalog.
  [[nodiscard]] Result<std::string> new_name(SegmentFileKind kind);

  // Opens what a call of this process has just written. Packs share their maps.
  [[nodiscard]] Result<std::shared_ptr<SealedPart>> open(const catalog::Segment& entry,
                                                         const CollectionSettings& settings,
                                                         std::shared_ptr<DeleteLsns> deletes);

  // The catalog no longer names this part: its file goes once no part of it is named or in use.
  void retire(const std::shared_ptr<const SealedPart>& part);
  // The same for a file without parts in use: one that the catalog never named, or a damaged one.
  void retire_file(const std::string& file);

  // Removes the retired files that nobody needs. An error (the first) leaves the others for the next call.
  [[nodiscard]] Status remove_unused();

  // At start, before anything is written: files of ours that the catalog does not name are moved to quarantine,
  // temporary ones removed; but those in `in_use` stay, which the log names. Answers how many were moved.
  [[nodiscard]] Result<std::uint64_t> quarantine_orphans(std::int64_t now_ms, std::set<std::string> in_use = {});

  // Files that wait for their last reader, or for the next remove_unused().
  [[nodiscard]] std::uint64_t retired_files() const;

  // Whether a path is that of a pack, and the bytes that a part of so many takes in one.
  [[nodiscard]] static bool is_pack(std::string_view file);
  [[nodiscard]] static std::uint64_t bytes_in_pack(std::uint64_t part_bytes);
  // How many bytes a file has.
  [[nodiscard]] Result<std::uint64_t> file_bytes(const std::string& file) const;

 private:
  using Readers = std::vector<std::weak_ptr<const SealedPart>>;

  [[nodiscard]] std::string absolute(std::string_view relative) const;
  [[nodiscard]] Result<std::uint64_t> highest_number() const;
  [[nodiscard]] Result<bool> is_named(const std::string& file) const;
  [[nodiscard]] std::vector<std::string> without_readers();
  [[nodiscard]] Result<std::vector<io::FileInfo>> list_own() const;
  [[nodiscard]] Status move_to_quarantine(const std::string& name, std::int64_t now_ms);

  io::FileSystem& fs_;
  catalog::Catalog& catalog_;
  const std::string data_folder_;
  const VectorAccess vector_access_;
  Counter* const removed_;
  store::PackMaps packs_;

  mutable std::mutex mutex_;  // Guards the members below.
  std::optional<std::uint64_t> last_number_;
  std::uint64_t reserved_number_ = 0;       // What the catalog has: see catalog::StoreInfo::file_number_max.
  std::map<std::string, Readers> retired_;  // By path relative to the data folder.
};

}  // namespace vibrato::vector
