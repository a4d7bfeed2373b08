#include "engine/delete_in_groups.hpp"

#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <thread>
#include <utility>

#include "commit/idempotent_write.hpp"
#include "format/idempotency_record.hpp"

namespace vibrato::engine {
namespace {

using WritePtr = std::unique_ptr<commit::Write>;

constexpr auto kPauseBetweenGroups = std::chrono::milliseconds(5);

std::string write_progress(const DeletedRows& deleted) {
  return fmt::format("{} {}", deleted.rows, deleted.last_lsn.value());
}

Result<DeletedRows> read_progress(std::string_view text) {
  std::uint64_t rows = 0;
  std::uint64_t lsn = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, rows);
  const bool has_second = first.ec == std::errc() && first.ptr != end && *first.ptr == ' ';
  const auto second = has_second ? std::from_chars(first.ptr + 1, end, lsn) : first;
  if (!has_second || second.ec != std::errc() || second.ptr != end) {
    return corruption(fmt::format("an idempotency key keeps \"{}\" as what was deleted so far", text));
  }
  return DeletedRows{rows, Lsn(lsn)};
}

// One call.
class Deletion {
 public:
  Deletion(Database& database, const DeleteInGroups& request) : database_(database), request_(request) {}

  Result<std::string> run() {
    if (request_.key) {
      VIBRATO_RETURN_IF_ERROR(ask());
    }
    Status status = outcome_->repeated ? ok_status() : delete_all();
    if (status.ok() && request_.key && !outcome_->repeated) {
      status = keep_answer();
    }
    if (!status.ok()) {
      return Status(status.code(), fmt::format("{} {} were deleted before this: {}", done_.rows, request_.rows_name,
                                               status.message()));
    }
    return request_.key ? outcome_->answer.body : request_.make_answer(done_);
  }

 private:
  using MakeWrite = std::function<WritePtr()>;

  Result<commit::Committed> commit(WritePtr write) {
    return database_.commit(std::move(write), Database::Kind::kDelete, request_.collection, request_.durability);
  }

  // What was half done is carried on: many writes of others may fill the queue for a moment.
  Result<commit::Committed> commit_patiently(const MakeWrite& make) {
    while (true) {
      Result<commit::Committed> committed = commit(make());
      if (committed.status().code() != ErrorCode::kOverloaded || done_.rows == 0) {
        return committed;
      }
      VIBRATO_RETURN_IF_ERROR(request_.deadline.check());
      std::this_thread::sleep_for(kPauseBetweenGroups);
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
    while (!outcome_->repeated) {
      VIBRATO_RETURN_IF_ERROR(request_.deadline.check());
      VIBRATO_ASSIGN_OR_RETURN(const DeleteInGroups::MakeWrite make, request_.next());
      if (!make) {
        return ok_status();
      }
      VIBRATO_RETURN_IF_ERROR(delete_group(make));
    }
    return ok_status();
  }

  Status delete_group(const DeleteInGroups::MakeWrite& make_group) {
    const auto deleted = std::make_shared<std::uint64_t>(0);
    const auto after = [this, deleted](Lsn last_lsn) {
      return *deleted == 0 ? done_ : DeletedRows{done_.rows + *deleted, last_lsn};
    };
    const auto make = [&]() -> WritePtr {
      WritePtr write = make_group(deleted);
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

  WritePtr with_key(WritePtr inner, commit::AnswerMaker make_answer) {
    return commit::make_idempotent(database_.idempotency_keys(), std::move(inner), *request_.key,
                                   std::move(make_answer), outcome_);
  }

  Database& database_;
  const DeleteInGroups& request_;
  const std::shared_ptr<commit::IdempotentOutcome> outcome_ = std::make_shared<commit::IdempotentOutcome>();
  DeletedRows done_;  // Of earlier calls with the key, too.
};

}  // namespace

Result<std::string> delete_in_groups(Database& database, const DeleteInGroups& request) {
  return Deletion(database, request).run();
}

}  // namespace vibrato::engine
