#include "io/real_file_system.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/posix_file.hpp"
#include "io/safe_path.hpp"

namespace vibrato::io {
namespace {

using posix::Descriptor;
using posix::error_of;

// The system would silently stop at a NUL and touch another file.
Status check_path(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return invalid_argument("a path must not be empty or contain a NUL");
  }
  return ok_status();
}

Status outcome(int result, const char* action, const std::string& path) {
  return result == 0 ? ok_status() : error_of(errno, action, path);
}

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::kReadOnly:
    case OpenMode::kReadOnlyPrivate:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreateNew:
    case OpenMode::kCreateNewPrivate:
      return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kCreateTruncate:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

::mode_t permissions_of(OpenMode mode) {
  return mode == OpenMode::kCreateNewPrivate ? 0600 : 0666;
}

// O_NONBLOCK lets the open of a pipe return, so that check_regular can refuse it; regular files ignore it.
Result<Descriptor> open_regular(const std::string& path, int flags, ::mode_t permissions = 0666) {
  VIBRATO_RETURN_IF_ERROR(check_path(path));
  VIBRATO_ASSIGN_OR_RETURN(Descriptor descriptor, posix::open_descriptor(path, flags | O_NONBLOCK, permissions));
  VIBRATO_RETURN_IF_ERROR(posix::check_regular(descriptor, path));
  return descriptor;
}

Result<Descriptor> open_folder(const std::string& path) {
  VIBRATO_RETURN_IF_ERROR(check_path(path));
  return posix::open_descriptor(path, O_RDONLY | O_DIRECTORY);
}

FileInfo info_of(std::string name, const struct ::stat& status) {
  FileInfo info;
  info.name = std::move(name);
  info.is_directory = S_ISDIR(status.st_mode);
  info.is_regular = S_ISREG(status.st_mode);
  info.size_bytes = info.is_regular ? static_cast<std::uint64_t>(status.st_size) : 0;
  return info;
}

class FlockHolder final : public DirectoryLock {
 public:
  explicit FlockHolder(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;  // Closing it releases the lock, also when the process dies.
};

// Reads all entries; a file that vanishes while we read is left out.
Result<std::vector<FileInfo>> read_entries(::DIR* folder, const std::string& path) {
  std::vector<FileInfo> entries;
  for (;;) {
    errno = 0;
    const struct ::dirent* const entry = ::readdir(folder);
    if (entry == nullptr) {
      if (errno != 0) {
        return error_of(errno, "cannot list", path);
      }
      return entries;
    }
    const std::string name(static_cast<const char*>(entry->d_name));
    if (name == "." || name == "..") {
      continue;
    }
    struct ::stat status {};
    if (::fstatat(::dirfd(folder), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      entries.push_back(info_of(name, status));
    } else if (errno != ENOENT) {
      return error_of(errno, "cannot stat", name).with_context(path);
    }
  }
}

}  // namespace

Result<std::unique_ptr<File>> RealFileSystem::open(const std::string& path, OpenMode mode) {
  VIBRATO_ASSIGN_OR_RETURN(Descriptor descriptor, open_regular(path, flags_of(mode), permissions_of(mode)));
  if (mode == OpenMode::kReadOnlyPrivate) {
    VIBRATO_RETURN_IF_ERROR(posix::check_private(descriptor, path));
  }
  return posix::make_file(std::move(descriptor), path);
}

Result<std::unique_ptr<ReadOnlyMap>> RealFileSystem::map_read_only(const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(const Descriptor descriptor, open_regular(path, O_RDONLY));
  return posix::make_map(descriptor, path);
}

Status RealFileSystem::rename(const std::string& from, const std::string& to) {
  VIBRATO_RETURN_IF_ERROR(check_path(from));
  VIBRATO_RETURN_IF_ERROR(check_path(to));
  return outcome(::rename(from.c_str(), to.c_str()), "cannot rename", from);
}

Status RealFileSystem::hard_link(const std::string& from, const std::string& to) {
  VIBRATO_RETURN_IF_ERROR(check_path(from));
  VIBRATO_RETURN_IF_ERROR(check_path(to));
  return outcome(::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0), "cannot link", from);
}

Status RealFileSystem::remove_file(const std::string& path) {
  VIBRATO_RETURN_IF_ERROR(check_path(path));
  return outcome(::unlink(path.c_str()), "cannot remove", path);
}

Status RealFileSystem::create_directory(const std::string& path) {
  VIBRATO_RETURN_IF_ERROR(check_path(path));
  if (::mkdir(path.c_str(), 0700) == 0) {
    return ok_status();
  }
  const int error_number = errno;
  struct ::stat status {};
  if (error_number == EEXIST && ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return ok_status();
  }
  return error_of(error_number, "cannot create the folder", path);
}

Status RealFileSystem::remove_directory(const std::string& path) {
  VIBRATO_RETURN_IF_ERROR(check_path(path));
  if (::rmdir(path.c_str()) == 0) {
    return ok_status();
  }
  // Some systems say EEXIST for a folder with content; "already exists" would mislead.
  return error_of(errno == EEXIST ? ENOTEMPTY : errno, "cannot remove the folder", path);
}

Result<std::vector<FileInfo>> RealFileSystem::list_directory(const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(const Descriptor descriptor, open_folder(path));
  // fdopendir takes its descriptor over; it gets a copy, so that ours is closed on every way out.
  const int copy = ::fcntl(descriptor.number(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) {
    return error_of(errno, "cannot list", path);
  }
  const std::unique_ptr<::DIR, int (*)(::DIR*)> folder(::fdopendir(copy), &::closedir);
  if (!folder) {
    const int error_number = errno;
    ::close(copy);
    return error_of(error_number, "cannot list", path);
  }
  VIBRATO_ASSIGN_OR_RETURN(std::vector<FileInfo> entries, read_entries(folder.get(), path));
  std::sort(entries.begin(), entries.end(), [](const FileInfo& a, const FileInfo& b) { return a.name < b.name; });
  return entries;
}

Result<FileInfo> RealFileSystem::stat(const std::string& path) {
  VIBRATO_RETURN_IF_ERROR(check_path(path));
  struct ::stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    return error_of(errno, "cannot stat", path);
  }
  return info_of(file_name_of(path), status);
}

Status RealFileSystem::sync_directory(const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(const Descriptor descriptor, open_folder(path));
  return outcome(::fsync(descriptor.number()), "cannot sync the folder", path);
}

Result<std::unique_ptr<DirectoryLock>> RealFileSystem::lock_directory(const std::string& path) {
  VIBRATO_RETURN_IF_ERROR(check_path(path));
  VIBRATO_ASSIGN_OR_RETURN(Descriptor descriptor, open_regular(path + "/LOCK", O_RDWR | O_CREAT));
  if (::flock(descriptor.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Status(ErrorCode::kConflict, "the folder " + path + " is in use by another vibratod");
    }
    return error_of(errno, "cannot lock", path + "/LOCK");
  }
  return std::unique_ptr<DirectoryLock>(std::make_unique<FlockHolder>(std::move(descriptor)));
}

Result<std::uint64_t> RealFileSystem::free_bytes(const std::string& path) {
  VIBRATO_RETURN_IF_ERROR(check_path(path));
  struct ::statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) {
    return error_of(errno, "cannot ask for the free space of", path);
  }
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

Result<std::string> resolve_path(const std::string& path) {
  VIBRATO_RETURN_IF_ERROR(check_path(path));
  const auto real = [](const std::string& text) {
    const std::unique_ptr<char, void (*)(void*)> found(::realpath(text.c_str(), nullptr), &::free);
    return found ? std::string(found.get()) : std::string();
  };
  if (std::string whole = real(path); !whole.empty()) {
    return whole;
  }
  const int error_number = errno;
  const std::string name = file_name_of(path);
  const std::string folder = real(parent_of(path));
  if (error_number != ENOENT || folder.empty() || name.empty() || name == "." || name == "..") {
    return error_of(error_number, "cannot find", path);
  }
  return folder == "/" ? "/" + name : folder + "/" + name;
}

}  // namespace vibrato::io
