#include "io/posix_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <optional>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "io/map_faults.hpp"

namespace vibrato::io::posix {
namespace {

constexpr auto kFileBytesMax = static_cast<std::uint64_t>(std::numeric_limits<::off_t>::max());

// Calls until it is not interrupted by a signal. Not for fsync: a sync that failed in any way is a failed sync.
template <typename Call>
auto without_interruption(const Call& call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) {
      return result;
    }
  }
}

class PosixFile final : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path) : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    std::size_t done = 0;
    while (done < out.size() && offset + done <= kFileBytesMax && offset <= kFileBytesMax) {
      const ::ssize_t count = without_interruption([&] {
        return ::pread(descriptor_.number(), out.data() + done, out.size() - done, static_cast<::off_t>(offset + done));
      });
      if (count < 0) {
        return error_of(errno, "cannot read", path_);
      }
      if (count == 0) {
        break;
      }
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

  [[nodiscard]] Status write_at(std::uint64_t offset, std::span<const std::byte> data) override {
    if (offset > kFileBytesMax || data.size() > kFileBytesMax - offset) {
      return invalid_argument("cannot write " + path_ + ": offset " + std::to_string(offset) + " is too large");
    }
    std::size_t done = 0;
    while (done < data.size()) {
      const ::ssize_t count = without_interruption([&] {
        return ::pwrite(descriptor_.number(), data.data() + done, data.size() - done,
                        static_cast<::off_t>(offset + done));
      });
      if (count < 0) {
        return error_of(errno, "cannot write", path_);
      }
      if (count == 0) {
        return io_error("cannot write " + path_ + ": the system accepts no bytes");
      }
      done += static_cast<std::size_t>(count);
    }
    return ok_status();
  }

  [[nodiscard]] Status sync() override {
    return ::fdatasync(descriptor_.number()) == 0 ? ok_status() : error_of(errno, "cannot sync", path_);
  }

  [[nodiscard]] Status truncate(std::uint64_t size_bytes) override {
    if (size_bytes > kFileBytesMax) {
      return invalid_argument("cannot truncate " + path_ + ": " + std::to_string(size_bytes) + " bytes are too many");
    }
    const int result =
        without_interruption([&] { return ::ftruncate(descriptor_.number(), static_cast<::off_t>(size_bytes)); });
    return result == 0 ? ok_status() : error_of(errno, "cannot truncate", path_);
  }

  [[nodiscard]] Result<std::uint64_t> size() const override {
    struct ::stat info {};
    if (::fstat(descriptor_.number(), &info) != 0) {
      return error_of(errno, "cannot stat", path_);
    }
    return static_cast<std::uint64_t>(info.st_size);
  }

  [[nodiscard]] const std::string& path() const override { return path_; }

 private:
  Descriptor descriptor_;
  std::string path_;
};

class PosixMap final : public ReadOnlyMap {
 public:
  // Takes over the mapping; `address` is null for an empty file.
  PosixMap(void* address, std::size_t size, const std::string& path) : address_(address), size_(size) {
    listed_.emplace(address, size, path);
  }
  PosixMap(const PosixMap&) = delete;
  PosixMap& operator=(const PosixMap&) = delete;
  ~PosixMap() override {
    listed_.reset();  // Before the address may become somebody else's.
    if (address_ != nullptr) {
      ::munmap(address_, size_);
    }
  }

  [[nodiscard]] std::span<const std::byte> bytes() const override {
    return {static_cast<const std::byte*>(address_), size_};
  }

  void advise(Access access, std::uint64_t offset, std::uint64_t length_bytes) const override {
    if (offset >= size_ || length_bytes == 0) {
      return;
    }
    // madvise wants the start of a page; the end may lie anywhere in the map.
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t begin = offset - offset % page_bytes;
    const std::uint64_t end = offset + std::min(length_bytes, size_ - offset);
    // Advice only: a kernel without huge pages for files refuses, and nothing is lost.
    (void)::madvise(static_cast<std::byte*>(address_) + begin, end - begin, advice_of(access));
  }

 private:
  static int advice_of(Access access) {
    switch (access) {
      case Access::kNormal:
        return MADV_NORMAL;
      case Access::kRandom:
        return MADV_RANDOM;
      case Access::kSequential:
        return MADV_SEQUENTIAL;
      case Access::kWillNeed:
        return MADV_WILLNEED;
      case Access::kHugePages:
        return MADV_HUGEPAGE;
    }
    return MADV_NORMAL;
  }

  void* address_;
  std::size_t size_;
  std::optional<ListedMap> listed_;
};

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    number_ = std::exchange(other.number_, -1);
  }
  return *this;
}

void Descriptor::close() {
  if (number_ >= 0) {
    // Not continued after EINTR: Linux has closed the descriptor by then, and its number may be in use again.
    ::close(number_);
    number_ = -1;
  }
}

Status error_of(int error_number, std::string_view action, const std::string& path) {
  ErrorCode code = ErrorCode::kIoError;
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      code = ErrorCode::kNotFound;
      break;
    case EEXIST:
      code = ErrorCode::kAlreadyExists;
      break;
    case ENOSPC:
    case EDQUOT:
      code = ErrorCode::kDiskFull;
      break;
    default:
      break;
  }
  const std::string reason =
      error_number == ELOOP ? "is a symbolic link" : std::generic_category().message(error_number);
  return {code, std::string(action) + " " + path + ": " + reason};
}

Result<Descriptor> open_descriptor(const std::string& path, int flags, ::mode_t permissions) {
  const int number =
      without_interruption([&] { return ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, permissions); });
  if (number < 0) {
    return error_of(errno, "cannot open", path);
  }
  return Descriptor(number);
}

Status check_regular(const Descriptor& descriptor, const std::string& path) {
  struct ::stat info {};
  if (::fstat(descriptor.number(), &info) != 0) {
    return error_of(errno, "cannot stat", path);
  }
  return S_ISREG(info.st_mode) ? ok_status() : io_error("cannot open " + path + ": is not a regular file");
}

Status check_private(const Descriptor& descriptor, const std::string& path) {
  struct ::stat info {};
  if (::fstat(descriptor.number(), &info) != 0) {
    return error_of(errno, "cannot stat", path);
  }
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return {ErrorCode::kForbidden,
            "cannot open " + path + ": belongs to another user; give it to the one who runs this"};
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return {ErrorCode::kForbidden, "cannot open " + path + ": is open to others than its owner; run chmod 600 on it"};
  }
  return ok_status();
}

std::unique_ptr<File> make_file(Descriptor descriptor, std::string path) {
  return std::make_unique<PosixFile>(std::move(descriptor), std::move(path));
}

Result<std::unique_ptr<ReadOnlyMap>> make_map(const Descriptor& descriptor, const std::string& path) {
  struct ::stat info {};
  if (::fstat(descriptor.number(), &info) != 0) {
    return error_of(errno, "cannot stat", path);
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) {
    return std::unique_ptr<ReadOnlyMap>(std::make_unique<PosixMap>(nullptr, 0, path));
  }
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.number(), 0);
  if (address == MAP_FAILED) {
    return error_of(errno, "cannot map", path);
  }
  return std::unique_ptr<ReadOnlyMap>(std::make_unique<PosixMap>(address, size, path));
}

}  // namespace vibrato::io::posix
