// Where a command's options come from besides its flags: the environment (VIBRATO_<FLAG>) and a configuration file.
// Flags win over the environment, the environment over the file. For command_line.cpp only.
//
// The file holds lines `flag-name = value`; a section `[serve]` holds for that command only, lines before any section
// for whichever command reads the file. An unknown name, a section of no command, a name that comes twice or has no
// value is an error, so that nothing that was meant is ignored.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace vibrato::app {

// The environment variable of a flag: "ef-construction" -> "VIBRATO_EF_CONSTRUCTION".
[[nodiscard]] std::string environment_name(const std::string& flag);

// Adds --config, and the environment names of all options that `app` has. `command_names` are those that sections of
// the file may have.
void add_option_sources(CLI::App& app, const std::string& command_name, std::vector<std::string> command_names);

// What is wrong with `arguments` if one of them is empty (`--tls-cert "$UNSET"`): no option takes that, and some would
// take it for not given.
[[nodiscard]] std::optional<std::string> find_empty_value(const std::vector<std::string>& arguments);

// The message of an error of the parser, and where the value came from if that was not a flag: the variable, or the
// file and the name in it.
[[nodiscard]] std::string explain(const CLI::App& app, const CLI::Error& error,
                                  const std::vector<std::string>& arguments);

}  // namespace vibrato::app
