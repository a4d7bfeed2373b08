#include "wal/state_file.hpp"

#include <array>
#include <memory>
#include <span>

#include "format/log_state.hpp"
#include "io/atomic_file.hpp"
#include "wal/segment_name.hpp"

namespace vibrato::wal {
namespace {

std::string state_path(const std::string& folder) {
  return folder + "/" + std::string(kStateFileName);
}

}  // namespace

Result<std::optional<format::LogState>> read_state_file(io::FileSystem& fs, const std::string& folder) {
  const std::string path = state_path(folder);
  const auto file = fs.open(path, io::OpenMode::kReadOnly);
  if (!file.ok()) {
    if (file.status().code() == ErrorCode::kNotFound) {
      return std::optional<format::LogState>();
    }
    return file.status();
  }
  // One byte more than the file should have, to notice a longer one.
  std::array<std::byte, format::kLogStateBytes + 1> bytes{};
  VIBRATO_ASSIGN_OR_RETURN(const std::size_t count, (*file)->read_at(0, bytes));
  auto state = format::decode_log_state(std::span<const std::byte>(bytes).first(count));
  if (!state.ok()) {
    return state.status().with_context(path);
  }
  return std::optional(*state);
}

StateWrite write_state_file(io::FileSystem& fs, const std::string& folder, const format::LogState& state) {
  auto file = io::AtomicFile::create(fs, state_path(folder));
  if (!file.ok()) {
    return {file.status(), false};
  }
  if (Status written = file->append(format::encode_log_state(state)); !written.ok()) {
    return {std::move(written), false};
  }
  Status committed = file->commit();
  const bool failed = !committed.ok();
  return {std::move(committed), failed};
}

}  // namespace vibrato::wal
