#include "vector/passed_over.hpp"

namespace vibrato::vector {

void PassedOver::note(const std::shared_ptr<const Segment>& part, const PointIdView& id, Lsn lsn) {
  // The first record is the one that ended the row; the row that it wrote is another one.
  count_ += parts_[part].try_emplace(PointId(id), lsn).second ? 1 : 0;
}

bool PassedOver::has_met(const Segment& part) const {
  for (const auto& [met, ids] : parts_) {
    if (met.get() == &part) {
      return true;
    }
  }
  return false;
}

std::uint64_t PassedOver::settle() {
  std::uint64_t all_marked = 0;
  for (auto& [part, ids] : parts_) {
    bool is_done = true;
    for (std::uint32_t row = 0; row < part->row_count() && !ids.empty(); ++row) {
      if (part->deletes()->deleted_at(row) != Lsn()) {
        continue;
      }
      const auto id = part->id(row);
      if (!id.ok()) {
        continue;
      }
      if (const auto found = ids.find(*id); found != ids.end()) {
        const auto marked = part->deletes()->mark(row, found->second);
        is_done = is_done && marked.ok();
        all_marked += marked.ok() ? 1 : 0;
      }
    }
    if (is_done) {
      count_ -= ids.size();
      ids.clear();
    }
  }
  return all_marked;
}

}  // namespace vibrato::vector
