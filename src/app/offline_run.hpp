// What the commands share that work on a data folder for long: a progress bar over bytes, and the folder's options.
#pragma once

#include <functional>
#include <string>
#include <vibrato/result.hpp>

#include "app/command.hpp"
#include "app/data_folder.hpp"
#include "engine/offline.hpp"

namespace CLI {
class App;
}

namespace vibrato::app {

struct OfflineFlags {
  std::string data_dir = "vibrato_data";
  bool progress = false;
};

// Adds --data-dir and --progress. `flags` outlives `app`.
void add_offline_flags(CLI::App& app, OfflineFlags& flags);

using OfflineWork = std::function<Status(const engine::OfflineContext&, const engine::DatabaseOptions&)>;

// Runs `work` with a bar called `label`; failures go to stderr.
[[nodiscard]] ExitCode run_offline(CommandContext& context, const OfflineFlags& flags, FolderRule rule,
                                   const std::string& label, const OfflineWork& work);

}  // namespace vibrato::app
