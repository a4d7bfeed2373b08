// From the arguments of the process to the exit code: picks the command, parses its options from flags, environment
// and configuration file (option_sources.hpp), runs it. `--help` and `--version` are answered here.
#pragma once

#include <string>
#include <vector>

#include "app/command.hpp"

namespace vibrato::app {

// `arguments` without the program's name. Library exceptions end here: they become kFailed with a message.
[[nodiscard]] ExitCode run_command_line(const std::vector<std::string>& arguments, const std::vector<Command>& commands,
                                        CommandContext& context);

}  // namespace vibrato::app
