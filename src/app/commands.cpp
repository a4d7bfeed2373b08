#include "app/commands.hpp"

#include <utility>

namespace vibrato::app {

std::vector<Command> planned_commands() {
  using enum CommandGroup;
  std::vector<Command> commands;
  const auto plan = [&](const char* name, CommandGroup group, const char* summary) {
    commands.push_back({name, group, summary, "", nullptr});
  };
  plan("diskann", kClients, "graphs on disk of a running server");
  plan("bench", kClients, "recall and speed of the index kinds");
  plan("setup-models", kOperations, "fetch the audio models");
  return commands;
}

std::vector<Command> all_commands() {
  std::vector<Command> commands = {make_serve_v2_command(),
                                   make_serve_command(),
                                   make_ingest_command(),
                                   make_build_command(),
                                   make_stats_command(),
                                   make_verify_command(),
                                   make_search_command(),
                                   make_import_command(),
                                   make_export_command(),
                                   make_state_command(),
                                   make_doc_command(),
                                   make_sql_command(),
                                   make_stream_command(),
                                   make_key_create_command(),
                                   make_key_list_command(),
                                   make_key_revoke_command(),
                                   make_snapshot_create_command(),
                                   make_snapshot_restore_command(),
                                   make_replay_to_lsn_command(),
                                   make_migrate_v2_command(),
                                   make_wal_dump_command()};
  for (Command& command : planned_commands()) commands.push_back(std::move(command));
  return commands;
}

}  // namespace vibrato::app
