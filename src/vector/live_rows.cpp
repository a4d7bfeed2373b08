#include "vector/live_rows.hpp"

namespace vibrato::vector {

std::uint32_t LiveRows::tail_rows() const {
  // Parts before the last one are full stop: their rows are what lies between the first rows.
  return tail.back().first_row - tail.front().first_row + active().row_count();
}

std::uint64_t LiveRows::tail_meta_bytes() const {
  std::uint64_t bytes = 0;
  for (const TailPart& part : tail) {
    bytes += part.segment->meta_bytes();
  }
  return bytes;
}

Result<std::vector<RowHit>> LiveRows::search(const float* query, std::uint32_t k, std::uint32_t ef,
                                             const Deadline& deadline) const {
  thread_local std::vector<hnsw::Hit> hits;
  thread_local std::vector<hnsw::Hit> more;
  hnsw::SearchScratch& scratch = hnsw::scratch_of_this_thread();
  hnsw::SearchParams params;
  params.k = k;
  params.ef = ef;
  sealed->search(query, params, scratch, hits);
  HotQuery hot;
  hot.k = k;
  hot.ef = ef;
  hot.deadline = deadline;
  for (const TailPart& part : tail) {
    if (part.segment->row_count() == 0) {
      continue;
    }
    VIBRATO_RETURN_IF_ERROR(deadline.check());
    part.segment->search(query, hot, scratch, more);
    for (hnsw::Hit& hit : more) {
      hit.row += part.first_row;
    }
    merge_hits(hits, more, k);
  }
  // A scan that the deadline ended early has found less than there is.
  VIBRATO_RETURN_IF_ERROR(deadline.check());
  std::vector<RowHit> result;
  result.reserve(hits.size());
  for (const hnsw::Hit& hit : hits) {
    result.push_back({hit.row, hnsw::score_of(sealed->file().metric(), hit.distance)});
  }
  return result;
}

Result<std::string> LiveRows::meta_json(std::uint32_t row) const {
  if (row < sealed->row_count()) {
    return sealed->file().meta_json(row);
  }
  for (auto part = tail.rbegin(); part != tail.rend(); ++part) {
    if (row >= part->first_row) {
      const std::uint32_t at = row - part->first_row;
      return at < part->segment->row_count() ? part->segment->meta_json(at) : std::string();
    }
  }
  return std::string();
}

}  // namespace vibrato::vector
