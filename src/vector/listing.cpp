#include "vector/listing.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "store/id_index.hpp"
#include "vector/alive_rows.hpp"
#include "vector/flat_scan.hpp"

namespace vibrato::vector {
namespace {

using ListedSegmentPtr = std::shared_ptr<const Segment>;

std::vector<ListedSegmentPtr> parts_of(const CollectionVersion& version) {
  std::vector<ListedSegmentPtr> parts;
  version.for_each_newest_first([&](const ListedSegmentPtr& part) {
    parts.push_back(part);
    return true;
  });
  return parts;
}

bool by_id(const ListedPoint& a, const ListedPoint& b) {
  return a.id < b.id;
}

// Looks at the deadline now and then.
class Looks {
 public:
  explicit Looks(const Deadline& deadline) : deadline_(deadline) {}

  Status next() { return ++count_ % kScanCheckRows == 0 ? deadline_.check() : ok_status(); }

 private:
  const Deadline& deadline_;
  std::uint32_t count_ = 0;
};

// The first points of one part, as many as a page may need.
class PartListing {
 public:
  PartListing(const ListRequest& request, Lsn visible, std::size_t most, ListedSegmentPtr part)
      : request_(request), visible_(visible), most_(most), part_(std::move(part)), looks_(request.deadline) {}

  Status run() {
    const filter::Filter everything{filter::Group{}};
    VIBRATO_ASSIGN_OR_RETURN(matching_, part_->matching(request_.filter == nullptr ? everything : *request_.filter,
                                                        visible_, request_.deadline));
    const store::IdIndex* const ids = part_->id_index();
    return ids != nullptr && ids->has_order() && !matching_->is_list() ? walk(*ids) : select();
  }
  [[nodiscard]] std::vector<ListedPoint>& points() { return points_; }

 private:
  // In the stored order of the ids.
  Status walk(const store::IdIndex& ids) {
    std::uint32_t rank = 0;
    if (request_.after) {
      VIBRATO_ASSIGN_OR_RETURN(rank, ids.lower_bound(request_.after->view()));
    }
    for (; rank < ids.rows() && points_.size() < most_; ++rank) {
      VIBRATO_RETURN_IF_ERROR(looks_.next());
      VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t row, ids.at_rank(rank));
      if (!matching_->contains(row) || !part_->is_alive(row, visible_)) {
        continue;
      }
      VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, part_->id(row));
      if (is_behind(id)) {
        points_.push_back({part_, row, id});
      }
    }
    return ok_status();
  }

  // Row by row: a heap of those with the lowest ids, the highest of them in front.
  Status select() {
    std::vector<std::uint32_t> rows;
    matching_->append_to(rows);
    for (const std::uint32_t row : rows) {
      VIBRATO_RETURN_IF_ERROR(looks_.next());
      if (!part_->is_alive(row, visible_)) {
        continue;
      }
      VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, part_->id(row));
      if (is_behind(id)) {
        offer({part_, row, id});
      }
    }
    return ok_status();
  }

  void offer(ListedPoint point) {
    if (points_.size() == most_) {
      if (!by_id(point, points_.front())) {
        return;
      }
      std::pop_heap(points_.begin(), points_.end(), by_id);
      points_.pop_back();
    }
    points_.push_back(std::move(point));
    std::push_heap(points_.begin(), points_.end(), by_id);
  }

  [[nodiscard]] bool is_behind(const PointIdView& id) const { return !request_.after || request_.after->view() < id; }

  const ListRequest& request_;
  const Lsn visible_;
  const std::size_t most_;
  const ListedSegmentPtr part_;
  Looks looks_;
  filter::RowSetPtr matching_;
  std::vector<ListedPoint> points_;
};

// Calls `visit` for every part with those of its rows that match and are alive for one reader.
Status visit_matching(const Collection& collection, const filter::Filter* filter, const Deadline& deadline,
                      const std::function<Status(const Segment& part, const filter::RowSet& rows)>& visit) {
  VIBRATO_RETURN_IF_ERROR(collection.check_complete());
  const ReadView view = collection.read_view();
  const filter::Filter everything{filter::Group{}};
  for (const ListedSegmentPtr& part : parts_of(*view.version)) {
    VIBRATO_ASSIGN_OR_RETURN(const filter::RowSetPtr rows,
                             part->matching(filter == nullptr ? everything : *filter, view.visible, deadline));
    if (part->deletes()->count() == 0) {
      VIBRATO_RETURN_IF_ERROR(visit(*part, *rows));
      continue;
    }
    VIBRATO_ASSIGN_OR_RETURN(const filter::RowSet alive, alive_among(*rows, *part->deletes(), view.visible, deadline));
    VIBRATO_RETURN_IF_ERROR(visit(*part, alive));
  }
  return ok_status();
}

}  // namespace

Result<ListPage> list_points(const Collection& collection, const ListRequest& request) {
  VIBRATO_RETURN_IF_ERROR(collection.check_complete());
  const ReadView view = collection.read_view();
  const std::size_t most = std::size_t{request.limit} + 1;
  ListPage page;
  page.visible = view.visible;
  for (ListedSegmentPtr& part : parts_of(*view.version)) {
    PartListing listing(request, view.visible, most, std::move(part));
    VIBRATO_RETURN_IF_ERROR(listing.run());
    std::move(listing.points().begin(), listing.points().end(), std::back_inserter(page.points));
  }
  std::sort(page.points.begin(), page.points.end(), by_id);
  page.has_more = page.points.size() > request.limit;
  page.points.resize(std::min<std::size_t>(page.points.size(), request.limit));
  return page;
}

Result<std::uint64_t> count_points(const Collection& collection, const filter::Filter* filter,
                                   const Deadline& deadline) {
  std::uint64_t count = 0;
  const auto add = [&](const Segment& /*part*/, const filter::RowSet& rows) {
    count += rows.size();
    return ok_status();
  };
  VIBRATO_RETURN_IF_ERROR(visit_matching(collection, filter, deadline, add));
  return count;
}

Result<std::vector<FacetValue>> facet_points(const Collection& collection, const filter::FieldPath& path,
                                             const filter::Filter* filter, std::uint32_t limit,
                                             const Deadline& deadline, std::size_t bytes_max) {
  filter::FacetCounts counts(bytes_max);
  const auto add = [&](const Segment& part, const filter::RowSet& rows) {
    return part.count_values(path, rows, deadline, counts);
  };
  VIBRATO_RETURN_IF_ERROR(visit_matching(collection, filter, deadline, add));
  using Count = std::pair<const filter::Scalar, std::uint64_t>;
  std::vector<const Count*> order;  // Values may be long, and are as many as they are: they stay where they are.
  order.reserve(counts.size());
  std::transform(counts.begin(), counts.end(), std::back_inserter(order), [](const Count& one) { return &one; });
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(limit, order.size()));
  std::partial_sort(order.begin(), end, order.end(), [](const Count* a, const Count* b) {
    return a->second != b->second ? a->second > b->second : a->first < b->first;
  });
  std::vector<FacetValue> values;
  values.reserve(static_cast<std::size_t>(end - order.begin()));
  std::transform(order.begin(), end, std::back_inserter(values), [](const Count* one) {
    return FacetValue{one->first, one->second};
  });
  return values;
}

}  // namespace vibrato::vector
