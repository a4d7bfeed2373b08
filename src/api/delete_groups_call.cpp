#include "api/delete_groups_call.hpp"

#include <fmt/format.h>
#include <utility>

#include "api/read_call.hpp"
#include "api/write_call.hpp"

namespace vibrato::api {
namespace {

constexpr std::size_t kGroupRows = 1000;

}  // namespace

std::string write_deleted_rows(std::uint64_t rows, Lsn last_lsn, commit::Durability durability) {
  std::string body = fmt::format(R"({{"deleted":{})", rows);
  end_write_answer(last_lsn, durability, body);
  return body;
}

Result<std::string> run_once(RunningKeys& running, const std::optional<commit::IdempotencyKey>& key,
                             const std::function<Result<std::string>()>& run) {
  if (!key.has_value()) {
    return run();
  }
  if (!running.begin(*key)) {
    return Status(ErrorCode::kConflict,
                  "Idempotency-Key: a request with it is being carried out; send this one again when that has ended");
  }
  Result<std::string> body = run();
  running.end(*key);
  return body;
}

Status answer_with_deletion(const ContextPtr& context, const RunningKeysPtr& running, const Request& request,
                            const ResponderPtr& responder, DeleteGroupsCall call) {
  const auto groups = std::make_shared<engine::DeleteInGroups>();
  groups->rows_name = call.rows_name;
  groups->deadline = deadline_of(*context, *responder);
  const overlay::RowsToChoose which{kGroupRows, context->database.visible_lsn(), groups->deadline};
  groups->next = [context, which, next = std::move(call.next)] { return next(context->database, which); };
  groups->durability = durability_of(request);
  VIBRATO_ASSIGN_OR_RETURN(groups->key, idempotency_key_of(*context, request));
  groups->make_answer = [durability = groups->durability](const engine::DeletedRows& deleted) {
    return write_deleted_rows(deleted.rows, deleted.last_lsn, durability);
  };
  return answer_on_pool(context, std::nullopt, responder, [context, running, groups](Reply& reply) -> Status {
    VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
    VIBRATO_ASSIGN_OR_RETURN(reply.body, run_once(*running, groups->key, [&] {
                               return engine::delete_in_groups(context->database, *groups);
                             }));
    return ok_status();
  });
}

}  // namespace vibrato::api
