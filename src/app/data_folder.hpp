// The data folder that a command works on without a server.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vibrato/result.hpp>

#include "app/command.hpp"
#include "base/logging.hpp"
#include "engine/database.hpp"
#include "engine/offline.hpp"

namespace vibrato::app {

// VIBRATO_API_PEPPER, unless it is unset or blank.
[[nodiscard]] std::optional<std::string> pepper_of_environment();

enum class FolderRule : std::uint8_t { kMayBeNew, kMustExist };

// Options of a database in the folder as typed. Errors: kNotFound where it must exist, those of the file system.
[[nodiscard]] Result<engine::DatabaseOptions> folder_options(CommandContext& context, const std::string& data_dir,
                                                             FolderRule rule);

// Opens the database for `use`, without starting it, and closes it again. Errors: those of Database::open (kUnavailable
// while a server holds the folder) and of `use`.
[[nodiscard]] Status with_database(CommandContext& context, const std::string& data_dir, FolderRule rule,
                                   const std::function<Status(engine::Database&)>& use);

}  // namespace vibrato::app
