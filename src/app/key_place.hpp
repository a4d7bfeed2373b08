// Where the key commands find the keys: in a data folder that no server holds, or through a running server.
#pragma once

#include <memory>
#include <string>

#include "app/command.hpp"
#include "app/remote_server.hpp"

namespace vibrato::app {

struct KeyPlace {
  std::string data_dir = "vibrato_data";
  RemoteFlags remote;

  [[nodiscard]] bool is_remote() const { return !remote.server.empty(); }
};

// Adds --data-dir, and --server with its company. `place` outlives `app`.
void add_key_place(CLI::App& app, KeyPlace& place);

}  // namespace vibrato::app
