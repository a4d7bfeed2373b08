// The POSIX calls behind RealFileSystem that concern one open file: descriptors, reads, writes, maps, and what an
// errno means. Only io includes it; everyone else takes a FileSystem&.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

#include "io/file_system.hpp"

namespace vibrato::io::posix {

// Owns a file descriptor and closes it.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { close(); }

  [[nodiscard]] int number() const { return number_; }

 private:
  void close();

  int number_ = -1;
};

// "<action> <path>: <what the system says>", with the code of the errno: kNotFound for a missing name (or a file
// where a folder should be), kAlreadyExists, kDiskFull for no space and no quota, kIoError for all else.
[[nodiscard]] Status error_of(int error_number, std::string_view action, const std::string& path);

// open(2) with O_CLOEXEC and O_NOFOLLOW added, continued after EINTR. `permissions` are those of a file it creates.
[[nodiscard]] Result<Descriptor> open_descriptor(const std::string& path, int flags, ::mode_t permissions = 0666);

// Requires: `descriptor` is open. Errors: kIoError if it is anything but a regular file.
[[nodiscard]] Status check_regular(const Descriptor& descriptor, const std::string& path);
// Requires: `descriptor` is open. Errors: kForbidden if the file is another user's (root's is accepted), or if its
// permissions let anyone but its owner read, write or execute it.
[[nodiscard]] Status check_private(const Descriptor& descriptor, const std::string& path);

[[nodiscard]] std::unique_ptr<File> make_file(Descriptor descriptor, std::string path);
[[nodiscard]] Result<std::unique_ptr<ReadOnlyMap>> make_map(const Descriptor& descriptor, const std::string& path);

}  // namespace vibrato::io::posix
