#include "vector/segment_files.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <set>
#include <utility>

#include "io/atomic_file.hpp"
#include "io/safe_path.hpp"
#include "vector/segment_writer.hpp"

namespace vibrato::vector {
namespace {

constexpr std::size_t kDigits = 16;
constexpr std::size_t kTimeDigits = 13;
constexpr std::string_view kSegmentPrefix = "segment-";
constexpr std::string_view kPackPrefix = "pack-";
constexpr std::string_view kExtension = ".vdb";
constexpr std::uint64_t kNumbersAtOnce = 16;  // That one commit of the catalog reserves.

// What the writers of a segment put between its name and a number, for the columns that wait in files of their own.
constexpr std::array<std::string_view, 7> kSpoolParts = {".norms", ".offsets", ".meta", ".lsns",
                                                         ".ids",   ".kinds",   ".texts"};
constexpr std::size_t kTemporaryDigitsMax = 4;

struct OwnName {
  std::uint64_t number = 0;
  bool is_temporary = false;
};

// Whether `rest`, which follows the name of a segment, makes it one of the temporary names that its writers take:
// [.<column>].<number>.vibrato-tmp. Anything looser would take a copy that an operator made for a leftover.
bool is_temporary_rest(std::string_view rest) {
  for (const std::string_view part : kSpoolParts) {
    if (rest.starts_with(part)) {
      rest.remove_prefix(part.size());
      break;
    }
  }
  if (!rest.starts_with('.') || !rest.ends_with(io::kTemporarySuffix)) {
    return false;
  }
  rest.remove_prefix(1);
  rest.remove_suffix(std::min(rest.size(), io::kTemporarySuffix.size()));
  const bool is_number = !rest.empty() && rest.size() <= kTemporaryDigitsMax &&
                         std::all_of(rest.begin(), rest.end(), [](char c) { return c >= '0' && c <= '9'; });
  return is_number && (rest.size() == 1 || rest[0] != '0');
}

std::optional<OwnName> parse_own_name(std::string_view name) {
  const std::string_view prefix = name.starts_with(kPackPrefix) ? kPackPrefix : kSegmentPrefix;
  if (!name.starts_with(prefix) || name.size() < prefix.size() + kDigits + kExtension.size()) {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(prefix.size(), kDigits);
  const std::string_view rest = name.substr(prefix.size() + kDigits);
  OwnName own;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), own.number);
  if (error != std::errc() || end != digits.data() + digits.size() || !rest.starts_with(kExtension)) {
    return std::nullopt;
  }
  own.is_temporary = rest.size() > kExtension.size();
  const bool is_own = !own.is_temporary || is_temporary_rest(rest.substr(kExtension.size()));
  return is_own ? std::optional(own) : std::nullopt;
}

}  // namespace

bool is_segment_file(std::string_view name) {
  const auto own = parse_own_name(name);
  return own.has_value() && !own->is_temporary;
}

std::uint64_t segment_file_number(std::string_view name) {
  return is_segment_file(name) ? parse_own_name(name)->number : 0;
}

std::optional<std::int64_t> quarantined_at_ms(std::string_view name) {
  if (is_segment_file(name)) {
    return 0;  // As it was named before times were.
  }
  std::int64_t time_ms = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), time_ms);
  const auto digits = static_cast<std::size_t>(end - name.data());
  const bool is_time = error == std::errc() && time_ms >= 0 && digits >= kTimeDigits && name[0] != '-';
  if (!is_time || !name.substr(digits).starts_with('-') || !is_segment_file(name.substr(digits + 1))) {
    return std::nullopt;
  }
  return time_ms;
}

SegmentFiles::SegmentFiles(io::FileSystem& fs, catalog::Catalog& catalog, std::string data_folder,
                           VectorAccess vector_access, Counter* removed)
    : fs_(fs),
      catalog_(catalog),
      data_folder_(std::move(data_folder)),
      vector_access_(vector_access),
      removed_(removed) {}

std::string SegmentFiles::absolute(std::string_view relative) const {
  return fmt::format("{}/{}", data_folder_, relative);
}

Result<std::vector<io::FileInfo>> SegmentFiles::list_own() const {
  auto listed = fs_.list_directory(absolute(kSegmentsFolder));
  if (!listed.ok() && listed.status().code() == ErrorCode::kNotFound) {
    return std::vector<io::FileInfo>();
  }
  VIBRATO_RETURN_IF_ERROR(listed.status());
  std::erase_if(*listed,
                [](const io::FileInfo& info) { return !info.is_regular || !parse_own_name(info.name).has_value(); });
  return std::move(listed).value();
}

Result<std::uint64_t> SegmentFiles::highest_number() const {
  std::uint64_t highest = 0;
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<io::FileInfo> present, list_own());
  for (const io::FileInfo& info : present) {
    highest = std::max(highest, parse_own_name(info.name)->number);
  }
  // A file may be missing and named.
  VIBRATO_ASSIGN_OR_RETURN(const auto named,
                           catalog_.read([](const catalog::Tables& tables) { return tables.segments.all(); }));
  for (const catalog::Segment& segment : named) {
    if (const auto own = parse_own_name(io::file_name_of(segment.file))) {
      highest = std::max(highest, own->number);
    }
  }
  return highest;
}

Result<std::string> SegmentFiles::new_name(SegmentFileKind kind) {
  const std::lock_guard lock(mutex_);
  if (!last_number_) {
    VIBRATO_ASSIGN_OR_RETURN(const catalog::StoreInfo info,
                             catalog_.read([](const catalog::Tables& tables) { return tables.store.read(); }));
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t highest, highest_number());
    reserved_number_ = info.file_number_max;
    last_number_ = std::max(highest, reserved_number_);
  }
  if (*last_number_ >= reserved_number_) {
    const std::uint64_t up_to = *last_number_ + kNumbersAtOnce;
    VIBRATO_RETURN_IF_ERROR(
        catalog_.write([up_to](catalog::Tables& tables) { return tables.store.reserve_file_numbers(up_to); }));
    reserved_number_ = up_to;
  }
  ++*last_number_;
  const std::string_view prefix = kind == SegmentFileKind::kPack ? kPackPrefix : kSegmentPrefix;
  return fmt::format("{}/{}{:016}{}", kSegmentsFolder, prefix, *last_number_, kExtension);
}

Result<std::shared_ptr<SealedPart>> SegmentFiles::open(const catalog::Segment& entry,
                                                       const CollectionSettings& settings,
                                                       std::shared_ptr<DeleteLsns> deletes) {
  return SealedPart::open(fs_, data_folder_, entry, settings, std::move(deletes), &packs_, vector_access_);
}

void SegmentFiles::retire(const std::shared_ptr<const SealedPart>& part) {
  const std::lock_guard lock(mutex_);
  retired_[part->entry().file].push_back(part);
}

void SegmentFiles::retire_file(const std::string& file) {
  const std::lock_guard lock(mutex_);
  retired_.try_emplace(file);
}

Result<bool> SegmentFiles::is_named(const std::string& file) const {
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t parts, catalog_.read([&file](const catalog::Tables& tables) {
    return tables.segments.count_in_file(file);
  }));
  return parts > 0;
}

std::vector<std::string> SegmentFiles::without_readers() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> files;
  for (auto& [file, readers] : retired_) {
    std::erase_if(readers, [](const auto& reader) { return reader.expired(); });
    if (readers.empty()) {
      files.push_back(file);
    }
  }
  return files;
}

std::uint64_t SegmentFiles::retired_files() const {
  const std::lock_guard lock(mutex_);
  return retired_.size();
}

Status SegmentFiles::remove_unused() {
  Status first_error;
  bool removed_any = false;
  const auto remove = [&](const std::string& file) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const bool named, is_named(file));
    if (!named) {
      Status removed = fs_.remove_file(absolute(file));
      if (!removed.ok() && removed.code() != ErrorCode::kNotFound) {
        return removed;
      }
      removed_any = true;
      if (removed.ok() && removed_ != nullptr) {
        removed_->add();
      }
      packs_.forget(absolute(file));
    }
    // A pack of which other parts are named is retired again with the last of them.
    const std::lock_guard lock(mutex_);
    if (const auto found = retired_.find(file); found != retired_.end() && found->second.empty()) {
      retired_.erase(found);
    }
    return ok_status();
  };
  for (const std::string& file : without_readers()) {
    if (const Status status = remove(file); !status.ok() && first_error.ok()) {
      first_error = status;
    }
  }
  if (removed_any) {
    const Status synced = fs_.sync_directory(absolute(kSegmentsFolder));
    first_error = first_error.ok() ? synced : first_error;
  }
  return first_error;
}

// A name that is taken is that of a start in the same millisecond: then the next one.
Status SegmentFiles::move_to_quarantine(const std::string& name, std::int64_t now_ms) {
  const std::string folder = absolute(kQuarantineFolder);
  VIBRATO_RETURN_IF_ERROR(fs_.create_directory(folder));
  std::string target;
  for (std::int64_t time_ms = std::max<std::int64_t>(now_ms, 0);; ++time_ms) {
    target = fmt::format("{}/{:0{}}-{}", folder, time_ms, kTimeDigits, name);
    const Status present = fs_.stat(target).status();
    if (present.code() == ErrorCode::kNotFound) {
      break;
    }
    VIBRATO_RETURN_IF_ERROR(present);
  }
  return fs_.rename(fmt::format("{}/{}", absolute(kSegmentsFolder), name), target);
}

Result<std::uint64_t> SegmentFiles::quarantine_orphans(std::int64_t now_ms, std::set<std::string> in_use) {
  VIBRATO_ASSIGN_OR_RETURN(const auto segments,
                           catalog_.read([](const catalog::Tables& tables) { return tables.segments.all(); }));
  std::set<std::string> named = std::move(in_use);
  for (const catalog::Segment& segment : segments) {
    named.insert(segment.file);
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<io::FileInfo> present, list_own());
  std::uint64_t moved = 0;
  bool removed = false;
  for (const io::FileInfo& info : present) {
    const std::string file = fmt::format("{}/{}", kSegmentsFolder, info.name);
    if (parse_own_name(info.name)->is_temporary) {
      VIBRATO_RETURN_IF_ERROR(fs_.remove_file(absolute(file)));
      removed = true;
    } else if (!named.contains(file)) {
      VIBRATO_RETURN_IF_ERROR(move_to_quarantine(info.name, now_ms));
      ++moved;
    }
  }
  if (moved > 0) {
    VIBRATO_RETURN_IF_ERROR(fs_.sync_directory(absolute(kQuarantineFolder)));
  }
  if (moved > 0 || removed) {
    VIBRATO_RETURN_IF_ERROR(fs_.sync_directory(absolute(kSegmentsFolder)));
  }
  return moved;
}

bool SegmentFiles::is_pack(std::string_view file) {
  return io::file_name_of(file).starts_with(kPackPrefix);
}

std::uint64_t SegmentFiles::bytes_in_pack(std::uint64_t part_bytes) {
  return (part_bytes + format::kPackPartAlignment - 1) / format::kPackPartAlignment * format::kPackPartAlignment;
}

Result<std::uint64_t> SegmentFiles::file_bytes(const std::string& file) const {
  VIBRATO_ASSIGN_OR_RETURN(const io::FileInfo info, fs_.stat(absolute(file)));
  return info.size_bytes;
}

}  // namespace vibrato::vector
