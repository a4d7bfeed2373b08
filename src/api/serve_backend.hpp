// What the `serve` routes need of the model below them. SingleFile is the real one; tests put a made one in its place.
// Thread-safety: as vector::SingleFile, all methods from many threads at once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "vector/single_file.hpp"

namespace vibrato::api {

class ServeBackend {
 public:
  ServeBackend() = default;
  ServeBackend(const ServeBackend&) = delete;
  ServeBackend& operator=(const ServeBackend&) = delete;
  virtual ~ServeBackend() = default;

  // Contracts as the methods of the same names in vector/single_file.hpp.
  [[nodiscard]] virtual Result<std::vector<vector::RowHit>> search(std::span<const float> query, std::uint32_t k,
                                                                   std::uint32_t ef,
                                                                   const Deadline& deadline) const = 0;
  [[nodiscard]] virtual Result<std::uint32_t> ingest(std::span<const float> vector, std::string meta_json) = 0;
  [[nodiscard]] virtual Result<std::string> meta_json(std::uint32_t row) const = 0;
  [[nodiscard]] virtual vector::FlushStart start_flush() = 0;
  [[nodiscard]] virtual vector::FlushStatus flush_status() const = 0;
  [[nodiscard]] virtual vector::SingleFileInfo info() const = 0;
};

}  // namespace vibrato::api
