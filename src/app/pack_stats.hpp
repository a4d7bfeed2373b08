// What a pack of small `.vdb` images holds, for `stats` and `verify`, which take one where they take a `.vdb` file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "io/file_system.hpp"
#include "store/pack_file.hpp"

namespace vibrato::app {

struct PackPartStats {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t rows = 0;
  std::uint32_t dim = 0;
  Metric metric = Metric::kDot;
  std::uint64_t first_lsn = 0;
  std::uint64_t last_lsn = 0;
};

// The pack at `path`; null if the file is none. Errors: kNotFound, kIoError, kCorruption.
[[nodiscard]] Result<std::shared_ptr<const store::PackFile>> open_pack(io::FileSystem& fs, const std::string& path);

// Opens every part. Errors: kCorruption.
[[nodiscard]] Result<std::vector<PackPartStats>> gather_pack_stats(const store::PackFile& pack);

[[nodiscard]] std::string pack_table(const std::string& path, const std::vector<PackPartStats>& parts);
[[nodiscard]] std::string pack_json(const std::string& path, const std::vector<PackPartStats>& parts);

}  // namespace vibrato::app
