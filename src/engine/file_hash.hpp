// SHA-256 of whole files, for the manifests of snapshots. FIPS 180-4, by OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vibrato/result.hpp>

#include "io/file_system.hpp"

struct evp_md_ctx_st;

namespace vibrato::engine {

using FileDigest = std::array<std::byte, 32>;

// Thread-safety: one thread at a time.
class FileHasher {
 public:
  FileHasher();
  void add(std::span<const std::byte> bytes);
  // Ends it: call it once.
  [[nodiscard]] FileDigest finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// Of the first `bytes` bytes. `each_piece` is called between pieces of at most a MiB, with their size; its error ends
// the reading. Errors: also kCorruption for a file that is not that long.
[[nodiscard]] Result<FileDigest> hash_file(io::FileSystem& fs, const std::string& path, std::uint64_t bytes,
                                           const std::function<Status(std::uint64_t)>& each_piece = {});

}  // namespace vibrato::engine
