#include "engine/delete_by_filter.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "commit/idempotent_write.hpp"
#include "format/idempotency_record.hpp"
#include "vector/listing.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::engine {
namespace {

constexpr auto kPause = std::chrono::milliseconds(5);

std::string write_progress(const DeletedByFilter& deleted) {
  return fmt::format("{} {}", deleted.points, deleted.last_lsn.value());
}

Result<DeletedByFilter> read_progress(std::string_view text) {
  std::uint64_t points = 0;
  std::uint64_t lsn = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, points);
  const bool has_second = first.ec == std::errc() && first.ptr != end && *first.ptr == ' ';
  const auto second = has_second ? std::from_chars(first.ptr + 1, end, lsn) : first;
  if (!has_second || second.ec != std::errc() || second.ptr != end) {
    return corruption(fmt::format("an idempotency key keeps \"{}\" as what was deleted so far", text));
  }
  return DeletedByFilter{points, Lsn(lsn)};
}

// One call.
class Deletion {
 public:
  Deletion(Database& database, const vector::CollectionPtr& collection, const DeleteByFilter& request)
      : database_(database), collection_(collection), request_(request) {}

  Result<std::string> run() {
    if (request_.key) {
      VIBRATO_RETURN_IF_ERROR(ask());
    }
    Status status = outcome_->repeated ? ok_status() : delete_all();
    if (status.ok() && request_.key && !outcome_->repeated) {
      status = keep_answer();
    }
    if (!status.ok()) {
      return Status(status.code(),
                    fmt::format("{} points were deleted before this: {}", done_.points, status.message()));
    }
    return request_.key ? outcome_->answer.body : request_.make_answer(done_);
  }

 private:
  using MakeWrite = std::function<vector::WritePtr()>;

  Result<commit::Committed> commit(vector::WritePtr write) {
    return database_.commit(std::move(write), Database::Kind::kDelete, collection_.get(), request_.durability);
  }

  // What was half done is carried on: many writes of others may fill the queue for a moment.
  Result<commit::Committed> commit_patiently(const MakeWrite& make) {
    while (true) {
      Result<commit::Committed> committed = commit(make());
      if (committed.status().code() != ErrorCode::kOverloaded || done_.points == 0) {
        return committed;
      }
      VIBRATO_RETURN_IF_ERROR(request_.deadline.check());
      std::this_thread::sleep_for(kPause);
    }
  }

  // Whether the request was done already, or how far it came.
  Status ask() {
    commit::IdempotencyKeys& keys = database_.idempotency_keys();
    VIBRATO_RETURN_IF_ERROR(commit(commit::make_idempotency_check(keys, *request_.key, outcome_)).status());
    if (outcome_->answer.status == format::kUnfinishedStatus) {
      VIBRATO_ASSIGN_OR_RETURN(done_, read_progress(outcome_->answer.body));
    }
    return ok_status();
  }

  Status delete_all() {
    vector::ListRequest list;
    list.filter = &request_.filter;
    list.limit = request_.page_points;
    list.deadline = request_.deadline;
    for (bool has_more = true; has_more && !outcome_->repeated;) {
      VIBRATO_ASSIGN_OR_RETURN(const vector::ListPage page, vector::list_points(*collection_, list));
      if (page.points.empty()) {
        return ok_status();
      }
      for (std::size_t first = 0; first < page.points.size() && !outcome_->repeated; first += request_.group_points) {
        const std::size_t end = std::min<std::size_t>(first + request_.group_points, page.points.size());
        VIBRATO_RETURN_IF_ERROR(delete_group({page.points.data() + first, end - first}, page.visible));
      }
      list.after.emplace(page.points.back().id);
      has_more = page.has_more;
    }
    return ok_status();
  }

  Status delete_group(std::span<const vector::ListedPoint> points, Lsn chosen_at) {
    VIBRATO_RETURN_IF_ERROR(request_.deadline.check());
    std::vector<PointId> ids;
    ids.reserve(points.size());
    for (const vector::ListedPoint& point : points) {
      ids.emplace_back(point.id);
    }
    const auto deleted = std::make_shared<std::uint64_t>(0);
    const auto after = [this, deleted](Lsn last_lsn) {
      return *deleted == 0 ? done_ : DeletedByFilter{done_.points + *deleted, last_lsn};
    };
    const auto make = [&]() -> vector::WritePtr {
      vector::WritePtr write = vector::make_delete_unchanged(database_.vectors(), collection_, ids, chosen_at, deleted);
      return request_.key
                 ? with_key(
                       std::move(write),
                       [after](Lsn last_lsn, std::int64_t /*time_ms*/) {
                         return commit::IdempotentAnswer{format::kUnfinishedStatus, write_progress(after(last_lsn))};
                       })
                 : std::move(write);
    };
    VIBRATO_ASSIGN_OR_RETURN(const commit::Committed committed, commit_patiently(make));
    if (!request_.key) {
      done_ = after(committed.last_lsn);
    } else if (!outcome_->repeated) {
      VIBRATO_ASSIGN_OR_RETURN(done_, read_progress(outcome_->answer.body));
    }
    return ok_status();
  }

  Status keep_answer() {
    const auto make = [&] {
      return with_key(nullptr, [this](Lsn /*last_lsn*/, std::int64_t /*time_ms*/) {
        return commit::IdempotentAnswer{200, request_.make_answer(done_)};
      });
    };
    return commit_patiently(make).status();
  }

  vector::WritePtr with_key(vector::WritePtr inner, commit::AnswerMaker make_answer) {
    return commit::make_idempotent(database_.idempotency_keys(), std::move(inner), *request_.key,
                                   std::move(make_answer), outcome_);
  }

  Database& database_;
  const vector::CollectionPtr& collection_;
  const DeleteByFilter& request_;
  const std::shared_ptr<commit::IdempotentOutcome> outcome_ = std::make_shared<commit::IdempotentOutcome>();
  DeletedByFilter done_;  // Of earlier calls with the key, too.
};

}  // namespace

Result<std::string> delete_by_filter(Database& database, const vector::CollectionPtr& collection,
                                     const DeleteByFilter& request) {
  VIBRATO_CHECK(request.page_points > 0 && request.group_points > 0 && request.group_points <= limits::kBatchItemsMax);
  return Deletion(database, collection, request).run();
}

}  // namespace vibrato::engine
