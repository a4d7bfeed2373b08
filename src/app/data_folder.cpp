#include "app/data_folder.hpp"

#include <cstdlib>

#include "base/metrics.hpp"
#include "io/real_file_system.hpp"

namespace vibrato::app {

std::optional<std::string> pepper_of_environment() {
  const char* const value = std::getenv("VIBRATO_API_PEPPER");
  if (value == nullptr || std::string(value).find_first_not_of(" \t") == std::string::npos) return std::nullopt;
  return std::string(value);
}

Result<engine::DatabaseOptions> folder_options(CommandContext& context, const std::string& data_dir, FolderRule rule) {
  engine::DatabaseOptions options;
  VIBRATO_ASSIGN_OR_RETURN(options.data_folder, io::resolve_path(data_dir));
  options.pepper = pepper_of_environment();
  if (rule == FolderRule::kMustExist) {
    // A folder whose catalog was lost is one too: the operation says what is missing.
    bool is_there = false;
    for (const char* const name : {"/catalog.db", "/wal"}) {
      const Status found = context.fs.stat(options.data_folder + name).status();
      if (!found.ok() && found.code() != ErrorCode::kNotFound) return found;
      is_there = is_there || found.ok();
    }
    if (!is_there) return not_found(data_dir + ": there is no database in this folder");
  }
  return options;
}

Status with_database(CommandContext& context, const std::string& data_dir, FolderRule rule,
                     const std::function<Status(engine::Database&)>& use) {
  VIBRATO_ASSIGN_OR_RETURN(const engine::DatabaseOptions options, folder_options(context, data_dir, rule));
  const Logger logger(LogLevel::kWarning);
  MetricsRegistry metrics;
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<engine::Database> database,
                           engine::Database::open(context.fs, options, context.clock, logger, metrics));
  Status status = use(*database);
  database->stop();
  return status;
}

}  // namespace vibrato::app
