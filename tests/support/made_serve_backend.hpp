// A backend of the `serve` routes made for tests: exact search over a few vectors in memory, a flush that runs until
// the test ends it, a buffer with a cap.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/serve_backend.hpp"

namespace vibrato::test {

class MadeServeBackend final : public api::ServeBackend {
 public:
  explicit MadeServeBackend(std::uint32_t dim, std::size_t rows_max = 100) : dim_(dim), rows_max_(rows_max) {}

  Result<std::vector<vector::RowHit>> search(std::span<const float> query, std::uint32_t k, std::uint32_t ef,
                                             const Deadline& deadline) const override {
    VIBRATO_RETURN_IF_ERROR(deadline.check());
    const std::lock_guard lock(mutex_);
    last_k_ = k;
    last_ef_ = ef;
    if (query.size() != dim_) {
      return Status(ErrorCode::kDimMismatch, "the vector has the wrong dimension");
    }
    std::vector<vector::RowHit> hits;
    for (std::uint32_t row = 0; row < rows_.size(); ++row) {
      float score = 0;
      for (std::size_t i = 0; i < query.size(); ++i) {
        score += query[i] * rows_[row].first[i];
      }
      hits.push_back({row, score});
    }
    std::stable_sort(hits.begin(), hits.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
    hits.resize(std::min<std::size_t>(k, hits.size()));
    return hits;
  }

  Result<std::uint32_t> ingest(std::span<const float> vector, std::string meta_json) override {
    const std::lock_guard lock(mutex_);
    if (vector.size() != dim_) {
      return Status(ErrorCode::kDimMismatch, "the vector has the wrong dimension");
    }
    if (rows_.size() == rows_max_) {
      return unavailable("the buffer of vectors that are not flushed is full");
    }
    rows_.emplace_back(std::vector<float>(vector.begin(), vector.end()), std::move(meta_json));
    return static_cast<std::uint32_t>(rows_.size() - 1);
  }

  Result<std::string> meta_json(std::uint32_t row) const override {
    const std::lock_guard lock(mutex_);
    if (damaged_row_ == row) {
      return corruption("made.vdb: offset 7: the meta of row " + std::to_string(row) + " is damaged");
    }
    return rows_.at(row).second;
  }

  vector::FlushStart start_flush() override {
    const std::lock_guard lock(mutex_);
    if (flush_.state == vector::FlushState::kRunning) {
      return vector::FlushStart::kAlreadyRunning;
    }
    if (flush_.persisted_vectors == rows_.size()) {
      return vector::FlushStart::kNothingToFlush;
    }
    flush_ = {.state = vector::FlushState::kRunning,
              .job_id = flush_.job_id + 1,
              .snapshot_vectors = rows_.size() - flush_.persisted_vectors,
              .persisted_vectors = flush_.persisted_vectors,
              .error = std::nullopt};
    return vector::FlushStart::kStarted;
  }

  vector::FlushStatus flush_status() const override {
    const std::lock_guard lock(mutex_);
    vector::FlushStatus status = flush_;
    status.dynamic_vectors = rows_.size() - flush_.persisted_vectors;
    return status;
  }

  vector::SingleFileInfo info() const override {
    const std::lock_guard lock(mutex_);
    return {.dim = dim_,
            .m = 16,
            .ef_construction = 100,
            .persisted_vectors = flush_.persisted_vectors,
            .dynamic_vectors = rows_.size() - flush_.persisted_vectors,
            .layers = 2,
            .mapped_bytes = 3 * 1024 * 1024 / 2};
  }

  // Ends the running flush, well or with an error.
  void end_flush(std::optional<std::string> error) {
    const std::lock_guard lock(mutex_);
    flush_.state = error.has_value() ? vector::FlushState::kFailed : vector::FlushState::kCompleted;
    if (!error.has_value()) {
      flush_.persisted_vectors += flush_.snapshot_vectors;
    }
    flush_.error = std::move(error);
  }

  void damage_meta(std::uint32_t row) { damaged_row_ = row; }

  [[nodiscard]] std::uint32_t last_k() const { return last_k_; }
  [[nodiscard]] std::uint32_t last_ef() const { return last_ef_; }
  [[nodiscard]] const std::vector<float>& vector_of(std::uint32_t row) const { return rows_.at(row).first; }

 private:
  const std::uint32_t dim_;
  const std::size_t rows_max_;
  mutable std::mutex mutex_;
  mutable std::uint32_t last_k_ = 0;
  mutable std::uint32_t last_ef_ = 0;
  std::vector<std::pair<std::vector<float>, std::string>> rows_;
  vector::FlushStatus flush_;
  std::optional<std::uint32_t> damaged_row_;
};

}  // namespace vibrato::test
