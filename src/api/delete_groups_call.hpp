// How a route deletes many rows, in groups (engine/delete_in_groups.hpp), on a thread for queries. Of two calls with
// one Idempotency-Key the second is refused while the first runs. For the routes of this folder.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "api/api_context.hpp"
#include "api/request.hpp"
#include "api/responder.hpp"
#include "api/running_keys.hpp"
#include "commit/idempotency_keys.hpp"
#include "commit/sequencer.hpp"
#include "engine/delete_in_groups.hpp"
#include "overlay/choose_rows.hpp"

namespace vibrato::api {

// One a route.
using RunningKeysPtr = std::shared_ptr<RunningKeys>;

// {"deleted":<rows>, and what a write's answer ends with.
[[nodiscard]] std::string write_deleted_rows(std::uint64_t rows, Lsn last_lsn, commit::Durability durability);

// What `run` answers. Errors: also kConflict while another call with the key runs.
[[nodiscard]] Result<std::string> run_once(RunningKeys& running, const std::optional<commit::IdempotencyKey>& key,
                                           const std::function<Result<std::string>()>& run);

struct DeleteGroupsCall {
  std::string_view rows_name;  // "keys", for messages.
  // As DeleteInGroups::next. Owns all it needs; `database` is readable. `which`: what was written after the call began
  // stays.
  std::function<Result<engine::DeleteInGroups::MakeWrite>(engine::Database& database,
                                                          const overlay::RowsToChoose& which)>
      next;
};

// Answers with the number of all, and the LSN of the last. Errors: those of idempotency_key_of and answer_on_pool.
[[nodiscard]] Status answer_with_deletion(const ContextPtr& context, const RunningKeysPtr& running,
                                          const Request& request, const ResponderPtr& responder, DeleteGroupsCall call);

}  // namespace vibrato::api
