// Made rows that look like image descriptors: whole numbers from 0 to 255 around some thousand centres, so that JSON
// bodies are as long as those of real ones and a graph over them has something to find. Row i depends on i alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vibrato::bench {

// Thread-safety: immutable once made.
class MadeDescriptors {
 public:
  MadeDescriptors(std::size_t dim, std::uint64_t seed);

  // Shape [dim].
  void row(std::uint64_t number, std::vector<std::uint8_t>& out) const;
  // `[12,0,255]`
  void append_json(std::uint64_t number, std::string& text) const;
  // The body of an upsert_batch of rows [first, end); each row's number is its id.
  [[nodiscard]] std::string batch_body(std::uint64_t first, std::uint64_t end) const;

 private:
  std::size_t dim_;
  std::uint64_t seed_;
  std::vector<std::uint8_t> centres_;
};

}  // namespace vibrato::bench
