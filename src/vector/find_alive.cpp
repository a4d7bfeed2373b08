#include "vector/find_alive.hpp"

namespace vibrato::vector {

Result<std::optional<Place>> find_alive(const CollectionVersion& version, const PointIdView& id, Lsn visible,
                                        std::vector<std::shared_ptr<const Segment>>* passed_over) {
  std::optional<Place> found;
  Status failed;
  const auto look_into = [&](const std::shared_ptr<const Segment>& segment) {
    const auto row = segment->find(id, visible);
    if (!row.ok()) {
      const bool goes_on = passed_over != nullptr && row.status().code() == ErrorCode::kCorruption;
      if (goes_on) {
        passed_over->push_back(segment);
      } else {
        failed = row.status();
      }
      return goes_on;
    }
    if (*row && segment->is_alive(**row, visible)) {
      found = Place{segment, **row};
      return false;
    }
    return true;
  };
  version.for_each_newest_first(look_into);
  VIBRATO_RETURN_IF_ERROR(failed);
  return found;
}

}  // namespace vibrato::vector
