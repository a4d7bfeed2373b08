#include "io/simulated_file.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "io/simulated_file_system.hpp"

namespace vibrato::io {
namespace {

using OperationKind = SimulatedOperation::Kind;

// Larger files would only exhaust the memory of the test.
constexpr std::uint64_t kSimulatedFileBytesMax = std::uint64_t{1} << 32;

}  // namespace

SimulatedFile::SimulatedFile(SimulatedFileSystem& owner, SimulatedNodePtr node, std::string path, bool writable)
    : owner_(owner),
      node_(std::move(node)),
      path_(std::move(path)),
      writable_(writable),
      generation_(owner.generation_) {}

Result<std::size_t> SimulatedFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  const std::lock_guard lock(owner_.mutex_);
  VIBRATO_RETURN_IF_ERROR(check_alive());
  const auto content = node_->content.current();
  if (offset >= content.size()) {
    return std::size_t{0};
  }
  const auto from = content.subspan(static_cast<std::size_t>(offset));
  const std::size_t count = std::min(out.size(), from.size());
  std::copy_n(from.begin(), count, out.begin());
  return count;
}

Status SimulatedFile::write_at(std::uint64_t offset, std::span<const std::byte> data) {
  const std::lock_guard lock(owner_.mutex_);
  VIBRATO_RETURN_IF_ERROR(check_writable());
  if (offset > kSimulatedFileBytesMax || data.size() > kSimulatedFileBytesMax - offset) {
    return error(ErrorCode::kInvalidArgument, "the offset is too large");
  }
  const std::uint64_t old_size = node_->content.current().size();
  const std::uint64_t end = data.empty() ? old_size : std::max(old_size, offset + data.size());
  VIBRATO_RETURN_IF_ERROR(owner_.check_space(old_size, end, path_));
  const std::uint64_t sequence = owner_.count(OperationKind::kWrite, path_, data.size());
  node_->content.write(sequence, static_cast<std::size_t>(offset), data);
  return ok_status();
}

Status SimulatedFile::sync() {
  const std::lock_guard lock(owner_.mutex_);
  VIBRATO_RETURN_IF_ERROR(check_alive());
  owner_.count(OperationKind::kSync, path_);
  if (std::exchange(owner_.fail_next_sync_, false)) {
    node_->content.forget_pending();
    return error(ErrorCode::kIoError, "simulated failure of a sync");
  }
  node_->content.sync();
  return ok_status();
}

Status SimulatedFile::truncate(std::uint64_t size_bytes) {
  const std::lock_guard lock(owner_.mutex_);
  VIBRATO_RETURN_IF_ERROR(check_writable());
  if (size_bytes > kSimulatedFileBytesMax) {
    return error(ErrorCode::kInvalidArgument, "the size is too large");
  }
  VIBRATO_RETURN_IF_ERROR(owner_.check_space(node_->content.current().size(), size_bytes, path_));
  const std::uint64_t sequence = owner_.count(OperationKind::kTruncate, path_, size_bytes);
  node_->content.resize(sequence, static_cast<std::size_t>(size_bytes));
  return ok_status();
}

Result<std::uint64_t> SimulatedFile::size() const {
  const std::lock_guard lock(owner_.mutex_);
  VIBRATO_RETURN_IF_ERROR(check_alive());
  return std::uint64_t{node_->content.current().size()};
}

Status SimulatedFile::check_alive() const {
  VIBRATO_RETURN_IF_ERROR(owner_.check_power());
  return generation_ == owner_.generation_ ? ok_status()
                                           : error(ErrorCode::kIoError, "was opened before the power loss");
}

Status SimulatedFile::check_writable() const {
  VIBRATO_RETURN_IF_ERROR(check_alive());
  return writable_ ? ok_status() : error(ErrorCode::kIoError, "is open for reading only");
}

Status SimulatedFile::error(ErrorCode code, std::string_view reason) const {
  return {code, path_ + ": " + std::string(reason)};
}

}  // namespace vibrato::io
