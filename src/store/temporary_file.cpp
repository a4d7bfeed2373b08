#include "store/temporary_file.hpp"

#include <fmt/format.h>
#include <utility>

#include "io/atomic_file.hpp"
#include "io/safe_path.hpp"

namespace vibrato::store {
// Unlike io::AtomicFile, takes only a name that is free: a build on the command line and a flush of a server may write
// one target at the same time, and must not share a temporary file. The last to publish wins, whole.
Result<std::unique_ptr<TemporaryFile>> TemporaryFile::create(io::FileSystem& fs, const std::string& target) {
  for (int i = 0; i < kTemporaryNamesMax; ++i) {
    std::string name = fmt::format("{}.{}{}", target, i, io::kTemporarySuffix);
    auto opened = fs.open(name, io::OpenMode::kCreateNew);
    if (opened.ok()) {
      return std::unique_ptr<TemporaryFile>(new TemporaryFile(fs, target, std::move(name), std::move(opened).value()));
    }
    if (opened.status().code() != ErrorCode::kAlreadyExists) {
      return opened.status();
    }
  }
  return io_error(fmt::format("{}: {} temporary files are in the way; remove {}.*{}", target, kTemporaryNamesMax,
                              target, io::kTemporarySuffix));
}

TemporaryFile::~TemporaryFile() {
  if (!renamed_) {
    file_.reset();
    // Nothing more can be done about a file that cannot be removed; its name says what it is.
    static_cast<void>(fs_.remove_file(path_));
  }
}

Status TemporaryFile::publish() {
  VIBRATO_CHECK(file_ != nullptr);
  VIBRATO_RETURN_IF_ERROR(file_->sync());
  file_.reset();
  VIBRATO_RETURN_IF_ERROR(fs_.rename(path_, target_));
  renamed_ = true;
  return fs_.sync_directory(io::parent_of(target_));
}

}  // namespace vibrato::store
