// What is saved beside the vectors: the files of state, documents and SQL, and the idempotency keys in the catalog. The
// log keeps what they lack, so a save that fails loses nothing, and none of them may hold the log back for long.
#pragma once

#include <cstdint>
#include <span>
#include <vector>
#include <vibrato/status.hpp>

#include "commit/file_model.hpp"
#include "commit/idempotency_keys.hpp"

namespace vibrato::engine {

// Thread-safety: all methods may be called from many threads at once.
class ModelFiles {
 public:
  // All outlive it.
  ModelFiles(std::vector<commit::FileModel*> files, commit::IdempotencyKeys& keys);

  [[nodiscard]] std::span<commit::FileModel* const> all() const { return files_; }

  // Everything up to `up_to`, so that the log may be cut off there. Tries all of them, and answers the first error,
  // naming the file. Requires: `up_to` is visible.
  [[nodiscard]] Status save(Lsn up_to) const;
  // The same for the files alone, and of them those that have something in memory.
  [[nodiscard]] Status save_unsaved(Lsn up_to) const;

  // In memory and in no file yet: of all files, and of the one with the most.
  [[nodiscard]] std::uint64_t unsaved_bytes() const;
  [[nodiscard]] std::uint64_t most_unsaved_bytes() const;

 private:
  const std::vector<commit::FileModel*> files_;
  commit::IdempotencyKeys& keys_;
};

}  // namespace vibrato::engine
