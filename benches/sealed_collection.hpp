// A collection of sealed segments, searched as requests are, without a server, a log or a catalog. For the benches.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "commit/visible_lsn.hpp"
#include "io/file_system.hpp"
#include "matrix.hpp"
#include "vector/collection.hpp"

namespace vibrato::bench {

// The point of base row r has id r, LSN r + 1, and metas[r] if there are metas.
struct CollectionRows {
  const Matrix& base;
  Metric metric = Metric::kL2;
  std::vector<std::string> metas;  // JSON text; none, or one a row.
};

class SealedCollection {
 public:
  // One segment each of `parts`. Files that are in the folder already are taken as they are; they begin with `name`.
  // Evaluated filters are kept in so many bytes, if any.
  [[nodiscard]] static Result<SealedCollection> make(io::FileSystem& fs, const std::string& folder,
                                                     const std::string& name, const CollectionRows& rows,
                                                     const std::vector<std::vector<std::uint32_t>>& parts,
                                                     std::size_t filter_cache_bytes = 0);

  [[nodiscard]] const vector::Collection& operator*() const { return *collection_; }
  [[nodiscard]] const vector::Collection* operator->() const { return collection_.get(); }

 private:
  std::unique_ptr<commit::VisibleLsn> visible_;
  std::unique_ptr<vector::Collection> collection_;
};

}  // namespace vibrato::bench
