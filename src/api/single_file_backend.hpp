// SingleFile as the backend of the `serve` routes: every call goes straight through.
#pragma once

#include <utility>

#include "api/serve_backend.hpp"
#include "vector/single_file.hpp"

namespace vibrato::api {

class SingleFileBackend final : public ServeBackend {
 public:
  // `file` must outlive the backend.
  explicit SingleFileBackend(vector::SingleFile& file) : file_(file) {}

  Result<std::vector<vector::RowHit>> search(std::span<const float> query, std::uint32_t k, std::uint32_t ef,
                                             const Deadline& deadline) const override {
    return file_.search(query, k, ef, deadline);
  }
  Result<std::uint32_t> ingest(std::span<const float> vector, std::string meta_json) override {
    return file_.ingest(vector, std::move(meta_json));
  }
  Result<std::string> meta_json(std::uint32_t row) const override { return file_.meta_json(row); }
  vector::FlushStart start_flush() override { return file_.start_flush(); }
  vector::FlushStatus flush_status() const override { return file_.flush_status(); }
  vector::SingleFileInfo info() const override { return file_.info(); }

 private:
  vector::SingleFile& file_;
};

}  // namespace vibrato::api
