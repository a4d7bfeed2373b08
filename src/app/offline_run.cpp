#include "app/offline_run.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "app/progress_bar.hpp"
#include "base/logging.hpp"

namespace vibrato::app {

void add_offline_flags(CLI::App& app, OfflineFlags& flags) {
  app.add_option("--data-dir", flags.data_dir, "the folder of the database; no server may hold it")
      ->type_name("FOLDER")
      ->capture_default_str();
  app.add_flag("--progress", flags.progress, "show progress even if stderr is no terminal");
}

ExitCode run_offline(CommandContext& context, const OfflineFlags& flags, FolderRule rule, const std::string& label,
                     const OfflineWork& work) {
  const Result<engine::DatabaseOptions> options = folder_options(context, flags.data_dir, rule);
  if (!options.ok()) return fail(context, options.status());
  const Logger logger(LogLevel::kWarning);
  ProgressBar bar(context.err, context.clock, progress_mode(context.err_is_terminal, flags.progress), label, "bytes");
  std::uint64_t most = 0;
  const engine::OfflineContext offline{context.fs, context.clock, logger, [&](std::uint64_t done, std::uint64_t total) {
                                         most = std::max(most, done);
                                         bar.update(done, total);
                                       }};
  const Status status = work(offline, *options);
  if (!status.ok()) {
    bar.interrupt();
    return fail(context, status);
  }
  bar.finish(most);
  return ExitCode::kDone;
}

}  // namespace vibrato::app
