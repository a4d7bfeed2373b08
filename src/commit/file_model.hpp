// A model that keeps its rows in a file of its own, a SQLite database beside the log: state, documents, SQL.
//
// The file is a materialization with its own applied LSN; what it lacks comes from the log. durable_lsn() is that LSN
// as it stands in the file, synced. save() writes in batches what is applied and visible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "commit/model.hpp"

namespace vibrato::commit {

// The file as it was at one moment, while the model goes on. Hold it briefly: the file's journal grows meanwhile.
class FileCapture {
 public:
  virtual ~FileCapture() = default;
  // What the file holds: all of the model's records up to here, and none above.
  [[nodiscard]] virtual Lsn applied_lsn() const = 0;
  // Writes it to `path`, which must not exist; durable when this returns ok.
  [[nodiscard]] virtual Status copy_to(const std::string& path) = 0;
};

// Thread-safety: as Model; save() and capture() from any thread, at once with everything else.
class FileModel : public Model {
 public:
  // Relative to the data folder: "state.db".
  [[nodiscard]] virtual std::string_view file_name() const = 0;
  // Errors: kIoError, kUnavailable.
  [[nodiscard]] virtual Result<std::unique_ptr<FileCapture>> capture() = 0;
  // What is applied and not yet in the file, in memory: save() frees it. 0 if nothing waits.
  [[nodiscard]] virtual std::uint64_t unsaved_bytes() const = 0;
};

}  // namespace vibrato::commit
