// Writing a file so that after a crash at any point the path holds either its old content or all of the new one.
// Steps, each a barrier for the next: write beside the target, fdatasync, rename over it, fsync the folder. Data that
// is not synced before the rename could leave the new name on an empty file; a rename whose folder is not synced
// could vanish after commit() said ok.
// Two writers of one path must not run at once: they share the temporary name (so that none pile up after crashes).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/file_system.hpp"

namespace vibrato::io {

// What a temporary file beside its target ends with. A leftover of a crash may be removed, or is overwritten.
inline constexpr std::string_view kTemporarySuffix = ".vibrato-tmp";

// Thread-safety: one thread at a time.
class AtomicFile {
 public:
  // `file_system` must outlive the AtomicFile.
  [[nodiscard]] static Result<AtomicFile> create(FileSystem& file_system, std::string path);

  // The same for a secret: no moment at which others than its owner may open the file (OpenMode::kCreateNewPrivate).
  [[nodiscard]] static Result<AtomicFile> create_private(FileSystem& file_system, std::string path);

  AtomicFile(AtomicFile&&) noexcept = default;
  AtomicFile& operator=(AtomicFile&&) = delete;
  // Removes the temporary file unless commit() was reached.
  ~AtomicFile();

  // The temporary file, to write to in any order. Requires: commit() has not been called.
  [[nodiscard]] File& file();
  // Appends behind the last append.
  [[nodiscard]] Status append(std::span<const std::byte> data);

  // Makes the new content durable under the path. Call it once. After an error before the rename the old content
  // stays; after an error of the folder's sync either may be found after a crash, each whole.
  [[nodiscard]] Status commit();

 private:
  AtomicFile(FileSystem& file_system, std::string path, std::unique_ptr<File> file);
  void discard();

  FileSystem* file_system_;
  std::string path_;
  std::string temporary_path_;
  std::unique_ptr<File> file_;  // Null once committed or discarded.
  std::uint64_t appended_bytes_ = 0;
};

// Creates or replaces `path` with `content`, durably when it returns ok.
[[nodiscard]] Status write_file_atomically(FileSystem& file_system, const std::string& path,
                                           std::span<const std::byte> content);
// The same for a secret, as by AtomicFile::create_private.
[[nodiscard]] Status write_private_file_atomically(FileSystem& file_system, const std::string& path,
                                                   std::span<const std::byte> content);

}  // namespace vibrato::io
