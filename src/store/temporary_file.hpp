// A file that is being written under a temporary name beside its target, until it is published under its own.
// Two writers of one target do not share a temporary file: each takes a name that is free. Nothing is left behind
// unless the process is killed. For the writers of this folder.
#pragma once

#include <memory>
#include <string>
#include <vibrato/result.hpp>

#include "io/file_system.hpp"

namespace vibrato::store {

// Temporary names tried before giving up; each one taken is another writer's, or was left behind by a crash.
inline constexpr int kTemporaryNamesMax = 1000;

// Not thread-safe.
class TemporaryFile {
 public:
  // `fs` must outlive it. Errors: those of FileSystem::open.
  [[nodiscard]] static Result<std::unique_ptr<TemporaryFile>> create(io::FileSystem& fs, const std::string& target);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  // Requires: not published.
  [[nodiscard]] io::File& file() { return *file_; }
  // Where it is until it is published.
  [[nodiscard]] const std::string& path() const { return path_; }

  // Makes the bytes durable, then switches the name, then makes the switch durable: the order is what keeps the old
  // file or the new one whole after a power loss at any point. An error means that the old file is still there, or, if
  // only the sync of the folder failed, either of the two. Call it once.
  [[nodiscard]] Status publish();

 private:
  TemporaryFile(io::FileSystem& fs, std::string target, std::string path, std::unique_ptr<io::File> file)
      : fs_(fs), target_(std::move(target)), path_(std::move(path)), file_(std::move(file)) {}

  io::FileSystem& fs_;
  std::string target_;
  std::string path_;
  std::unique_ptr<io::File> file_;
  bool renamed_ = false;
};

}  // namespace vibrato::store
