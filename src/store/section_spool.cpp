#include "store/section_spool.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "io/atomic_file.hpp"
#include "store/temporary_file.hpp"

namespace vibrato::store {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

}  // namespace

SectionSpool::SectionSpool(io::FileSystem& fs, std::string path_prefix)
    : fs_(fs), path_prefix_(std::move(path_prefix)) {}

SectionSpool::~SectionSpool() {
  if (file_ != nullptr) {
    const std::string path = file_->path();
    file_.reset();
    // Nothing more can be done about a file that cannot be removed; its name says what it is.
    static_cast<void>(fs_.remove_file(path));
  }
}

Status SectionSpool::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kBufferBytes - buffer_.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (buffer_.size() == kBufferBytes) {
      VIBRATO_RETURN_IF_ERROR(spill());
    }
  }
  return ok_status();
}

Status SectionSpool::spill() {
  for (int i = 0; file_ == nullptr; ++i) {
    auto opened = fs_.open(fmt::format("{}.{}{}", path_prefix_, i, io::kTemporarySuffix), io::OpenMode::kCreateNew);
    if (opened.ok()) {
      file_ = std::move(opened).value();
    } else if (opened.status().code() != ErrorCode::kAlreadyExists || i == kTemporaryNamesMax) {
      return opened.status();
    }
  }
  VIBRATO_RETURN_IF_ERROR(file_->write_at(spilled_bytes_, buffer_));
  spilled_bytes_ += buffer_.size();
  buffer_.clear();
  return ok_status();
}

Status SectionSpool::copy_to(VdbWriter& writer) const {
  std::vector<std::byte> chunk(spilled_bytes_ == 0 ? 0 : kBufferBytes);
  for (std::uint64_t done = 0; done < spilled_bytes_; done += chunk.size()) {
    VIBRATO_ASSIGN_OR_RETURN(const std::size_t count, file_->read_at(done, chunk));
    if (count != chunk.size()) {
      return io_error(
          fmt::format("{}: {} bytes at offset {}, {} were written", file_->path(), count, done, chunk.size()));
    }
    VIBRATO_RETURN_IF_ERROR(writer.append(chunk));
  }
  return writer.append(buffer_);
}

}  // namespace vibrato::store
