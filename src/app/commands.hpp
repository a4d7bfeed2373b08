// Every command of `vibratod`, in the order of its help.
#pragma once

#include <vector>

#include "app/command.hpp"

namespace vibrato::app {

[[nodiscard]] Command make_serve_v2_command();
[[nodiscard]] Command make_serve_command();
[[nodiscard]] Command make_ingest_command();
[[nodiscard]] Command make_build_command();
[[nodiscard]] Command make_stats_command();
[[nodiscard]] Command make_verify_command();
[[nodiscard]] Command make_search_command();
[[nodiscard]] Command make_import_command();
[[nodiscard]] Command make_export_command();
[[nodiscard]] Command make_state_command();
[[nodiscard]] Command make_doc_command();
[[nodiscard]] Command make_sql_command();
[[nodiscard]] Command make_stream_command();
[[nodiscard]] Command make_key_create_command();
[[nodiscard]] Command make_key_list_command();
[[nodiscard]] Command make_key_revoke_command();
[[nodiscard]] Command make_snapshot_create_command();
[[nodiscard]] Command make_snapshot_restore_command();
[[nodiscard]] Command make_replay_to_lsn_command();
[[nodiscard]] Command make_migrate_v2_command();
[[nodiscard]] Command make_wal_dump_command();
// Commands of the contract that are not built yet: they say so and exit 2.
[[nodiscard]] std::vector<Command> planned_commands();

[[nodiscard]] std::vector<Command> all_commands();

}  // namespace vibrato::app
