#include "engine/witness.hpp"

#include <charconv>
#include <fmt/format.h>
#include <span>
#include <string_view>

#include "base/crc32c.hpp"
#include "catalog/catalog.hpp"
#include "io/atomic_file.hpp"
#include "vector/segment_files.hpp"
#include "vector/segment_writer.hpp"
#include "wal/recovery.hpp"

namespace vibrato::engine {
namespace {

constexpr std::string_view kBegin = "vibratod-witness 1 ";
constexpr std::size_t kBytesMax = 256;
constexpr std::string_view kAdvice =
    "Put the file back, with catalog.db-wal if there is one. Or move what is left of it away and bring the data back "
    "with snapshot-restore, which takes the keys of the snapshot, or with replay-to-lsn, which builds the collections "
    "from a log that is whole, without keys (make one with --bootstrap-admin-key)";

std::uint32_t checksum_of(std::string_view text) {
  return crc32c(std::as_bytes(std::span(text)));
}

// Takes the number in front of the next space off `text`.
template <typename Number>
bool take(std::string_view& text, Number& number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end == text.data() + text.size() || *end != ' ') {
    return false;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

bool take_id(std::string_view& text, std::array<std::byte, 16>& id) {
  if (text.size() < 2 * id.size()) {
    return false;
  }
  for (std::size_t i = 0; i < id.size(); ++i) {
    std::uint8_t value = 0;
    const char* const digits = text.data() + 2 * i;
    if (std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) {
      return false;
    }
    id[i] = std::byte{value};
  }
  text.remove_prefix(2 * id.size());
  const bool has_more = text.starts_with(' ');
  text.remove_prefix(has_more ? 1 : 0);
  return has_more;
}

std::optional<Witness> parse(std::string_view text) {
  const std::size_t at_crc = text.rfind(' ');
  if (!text.starts_with(kBegin) || !text.ends_with('\n') || at_crc == std::string_view::npos ||
      text.substr(at_crc + 1) != fmt::format("{:08x}\n", checksum_of(text.substr(0, at_crc)))) {
    return std::nullopt;
  }
  text.remove_prefix(kBegin.size());
  Witness witness;
  std::uint64_t lsn = 0;
  if (!take_id(text, witness.store_id) || !take(text, witness.catalog_commits) || !take(text, lsn)) {
    return std::nullopt;
  }
  witness.lsn = Lsn(lsn);
  return witness;
}

// What a data folder has that never comes before its catalog; empty without any. A file that cannot be looked at is no
// reason: whoever needs it finds out.
std::string trace_of_a_catalog(io::FileSystem& fs, const DataFolder& folder) {
  if (fs.stat(folder.path(kWitnessFile)).ok()) {
    return folder.path(kWitnessFile);
  }
  if (const auto log = wal::has_log(fs, folder.path(kLogFolder)); log.ok() && *log) {
    return folder.path(kLogFolder);
  }
  if (const auto files = fs.list_directory(folder.path(vector::kSegmentsFolder)); files.ok()) {
    for (const io::FileInfo& file : *files) {
      if (vector::is_segment_file(file.name)) {
        return folder.path(vector::kSegmentsFolder);
      }
    }
  }
  return "";
}

}  // namespace

Result<std::optional<Witness>> read_witness(io::FileSystem& fs, const DataFolder& folder) {
  const auto file = fs.open(folder.path(kWitnessFile), io::OpenMode::kReadOnly);
  if (file.status().code() == ErrorCode::kNotFound) {
    return std::optional<Witness>();
  }
  VIBRATO_RETURN_IF_ERROR(file.status());
  std::array<std::byte, kBytesMax> bytes{};
  VIBRATO_ASSIGN_OR_RETURN(const std::size_t count, (*file)->read_at(0, bytes));
  auto witness = parse(std::string_view(reinterpret_cast<const char*>(bytes.data()), count));
  if (!witness.has_value()) {
    return corruption(folder.path(kWitnessFile) + ": expected one line with its checksum, found something else");
  }
  return witness;
}

Status write_witness(io::FileSystem& fs, const DataFolder& folder, const Witness& witness) {
  std::string text(kBegin);
  for (const std::byte byte : witness.store_id) {
    text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  }
  text += fmt::format(" {} {}", witness.catalog_commits, witness.lsn.value());
  text += fmt::format(" {:08x}\n", checksum_of(text));
  return io::write_file_atomically(fs, folder.path(kWitnessFile), std::as_bytes(std::span(text)));
}

Status check_catalog_is_there(io::FileSystem& fs, const DataFolder& folder) {
  const std::string path = folder.path(catalog::kCatalogFile);
  Status found = fs.stat(path).status();
  if (found.code() != ErrorCode::kNotFound) {
    return found;
  }
  const std::string trace = trace_of_a_catalog(fs, folder);
  return trace.empty() ? ok_status()
                       : corruption(fmt::format("{}: expected the catalog that {} belongs to, found no file. {}", path,
                                                trace, kAdvice));
}

Status check_catalog(const Witness& witness, const catalog::StoreInfo& found, const DataFolder& folder) {
  const std::string path = folder.path(catalog::kCatalogFile);
  if (found.id != witness.store_id) {
    return corruption(fmt::format("{}: id of the store: expected that of {}, found another. {}", path,
                                  folder.path(kWitnessFile), kAdvice));
  }
  if (found.commits < witness.catalog_commits) {
    return corruption(
        fmt::format("{}: commits: expected at least {}, found {}: it is an older copy, or {}-wal was "
                    "removed or damaged. {}",
                    path, witness.catalog_commits, found.commits, path, kAdvice));
  }
  return ok_status();
}

}  // namespace vibrato::engine
