#include "engine/delete_by_filter.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "engine/delete_in_groups.hpp"
#include "vector/listing.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::engine {
namespace {

// The points that match, a group after the other.
class MatchingPoints {
 public:
  MatchingPoints(Database& database, vector::CollectionPtr collection, const DeleteByFilter& request)
      : database_(database), collection_(std::move(collection)), group_points_(request.group_points) {
    list_.filter = &request.filter;
    list_.limit = request.page_points;
    list_.deadline = request.deadline;
  }

  Result<DeleteInGroups::MakeWrite> next() {
    if (taken_ == page_.points.size()) {
      if (!has_more_) {
        return DeleteInGroups::MakeWrite();
      }
      VIBRATO_RETURN_IF_ERROR(read_page());
    }
    std::vector<PointId> ids;
    const std::size_t end = std::min<std::size_t>(taken_ + group_points_, page_.points.size());
    ids.reserve(end - taken_);
    for (; taken_ < end; ++taken_) {
      ids.emplace_back(page_.points[taken_].id);
    }
    if (ids.empty()) {
      return DeleteInGroups::MakeWrite();
    }
    return DeleteInGroups::MakeWrite([this, ids = std::move(ids)](std::shared_ptr<std::uint64_t> deleted) {
      return vector::make_delete_unchanged(database_.vectors(), collection_, ids, page_.visible, std::move(deleted));
    });
  }

 private:
  Status read_page() {
    VIBRATO_ASSIGN_OR_RETURN(page_, vector::list_points(*collection_, list_));
    taken_ = 0;
    has_more_ = page_.has_more;
    if (!page_.points.empty()) {
      list_.after.emplace(page_.points.back().id);
    }
    return ok_status();
  }

  Database& database_;
  const vector::CollectionPtr collection_;
  const std::uint32_t group_points_;
  vector::ListRequest list_;
  vector::ListPage page_;
  std::size_t taken_ = 0;  // Of the page.
  bool has_more_ = true;
};

}  // namespace

Result<std::string> delete_by_filter(Database& database, const vector::CollectionPtr& collection,
                                     const DeleteByFilter& request) {
  VIBRATO_CHECK(request.page_points > 0 && request.group_points > 0 && request.group_points <= limits::kBatchItemsMax);
  MatchingPoints points(database, collection, request);
  DeleteInGroups groups;
  groups.next = [&points] { return points.next(); };
  groups.rows_name = "points";
  groups.collection = collection.get();
  groups.deadline = request.deadline;
  groups.durability = request.durability;
  groups.key = request.key;
  groups.make_answer = [&request](const DeletedRows& deleted) {
    return request.make_answer({deleted.rows, deleted.last_lsn});
  };
  return delete_in_groups(database, groups);
}

}  // namespace vibrato::engine
