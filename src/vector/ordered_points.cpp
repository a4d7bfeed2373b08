#include "vector/ordered_points.hpp"

#include <algorithm>
#include <utility>

#include "store/id_index.hpp"

namespace vibrato::vector {
namespace {

constexpr auto kHigherId = [](const auto& a, const auto& b) { return b->now.id < a->now.id; };

}  // namespace

Result<std::unique_ptr<OrderedPoints>> OrderedPoints::open(const Collection& collection) {
  VIBRATO_RETURN_IF_ERROR(collection.check_complete());
  const ReadView view = collection.read_view();
  std::unique_ptr<OrderedPoints> points(new OrderedPoints(view.visible));
  std::vector<std::shared_ptr<const Segment>> parts;
  view.version->for_each_newest_first([&](const std::shared_ptr<const Segment>& part) {
    parts.push_back(part);
    return true;
  });
  for (std::shared_ptr<const Segment>& part : parts) {
    VIBRATO_RETURN_IF_ERROR(points->add(std::move(part)));
  }
  return points;
}

Status OrderedPoints::add(std::shared_ptr<const Segment> part) {
  auto walk = std::make_unique<Walk>();
  walk->part = std::move(part);
  const store::IdIndex* const ids = walk->part->id_index();
  if (ids != nullptr && ids->has_order()) {
    walk->ids = ids;
  } else {
    std::vector<std::pair<PointIdView, std::uint32_t>> sorted;
    const std::uint32_t rows = walk->part->row_count();
    for (std::uint32_t row = 0; row < rows; ++row) {
      if (walk->part->is_alive(row, visible_)) {
        VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, walk->part->id(row));
        sorted.emplace_back(id, row);
      }
    }
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    walk->rows.reserve(sorted.size());
    for (const auto& [id, row] : sorted) {
      walk->rows.push_back(row);
    }
  }
  VIBRATO_ASSIGN_OR_RETURN(const bool has_row, advance(*walk));
  if (has_row) {
    walks_.push_back(std::move(walk));
    std::push_heap(walks_.begin(), walks_.end(), kHigherId);
  }
  return ok_status();
}

Result<bool> OrderedPoints::advance(Walk& walk) const {
  const std::uint32_t end = walk.ids != nullptr ? walk.ids->rows() : static_cast<std::uint32_t>(walk.rows.size());
  while (walk.position < end) {
    std::uint32_t row = 0;
    if (walk.ids != nullptr) {
      VIBRATO_ASSIGN_OR_RETURN(row, walk.ids->at_rank(walk.position));
    } else {
      row = walk.rows[walk.position];
    }
    ++walk.position;
    if (walk.part->is_alive(row, visible_)) {
      VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, walk.part->id(row));
      walk.now = {walk.part, row, id};
      return true;
    }
  }
  return false;
}

Result<std::optional<ListedPoint>> OrderedPoints::next() {
  if (walks_.empty()) {
    return std::optional<ListedPoint>();
  }
  std::pop_heap(walks_.begin(), walks_.end(), kHigherId);
  Walk& lowest = *walks_.back();
  ListedPoint point = lowest.now;
  VIBRATO_ASSIGN_OR_RETURN(const bool has_more, advance(lowest));
  if (has_more) {
    std::push_heap(walks_.begin(), walks_.end(), kHigherId);
  } else {
    walks_.pop_back();
  }
  return std::optional(std::move(point));
}

}  // namespace vibrato::vector
