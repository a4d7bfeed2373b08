// What a command of `vibratod` is: a name, its options, and what runs once they are parsed. Every command has one
// file, which declares nothing but the Command that commands.hpp lists.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vibrato/status.hpp>

#include "base/clock.hpp"
#include "io/file_system.hpp"

namespace CLI {
class App;
}

namespace vibrato::app {

enum class ExitCode : int { kDone = 0, kFailed = 1, kWrongUsage = 2 };

// The outside world as commands see it; all of it outlives the command.
struct CommandContext {
  io::FileSystem& fs;
  const Clock& clock;
  std::istream& in;
  std::ostream& out;  // Results.
  std::ostream& err;  // Errors, logs, progress.
  bool err_is_terminal = false;
};

using CommandBody = std::function<ExitCode(CommandContext&)>;

enum class CommandGroup : std::uint8_t { kServers, kFiles, kClients, kOperations };

struct Command {
  std::string name;
  CommandGroup group = CommandGroup::kFiles;
  std::string summary;
  std::string examples;  // Shown at the end of its help, one a line.
  // Adds the options and returns the body that reads them. Empty: the command is planned and not built yet.
  std::function<CommandBody(CLI::App&)> configure;
};

// Prints "vibratod: <message>" to `err` and answers kFailed.
[[nodiscard]] ExitCode fail(CommandContext& context, const Status& status);
// The same for a use of flags that makes no sense; answers kWrongUsage.
[[nodiscard]] ExitCode refuse_usage(CommandContext& context, const std::string& message);

}  // namespace vibrato::app
