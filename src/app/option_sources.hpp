// Where a command's options come from besides its flags: the environment (VIBRATO_<FLAG>) and a configuration file.
// Flags win over the environment, the environment over the file. For command_line.cpp only.
//
// The file holds lines `flag-name = value`; a section `[serve]` holds for that command only, lines before any section
// for whichever command reads the file. An unknown name is an error, so that a mistyped one is not ignored.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace vibrato::app {

// The environment variable of a flag: "ef-construction" -> "VIBRATO_EF_CONSTRUCTION".
[[nodiscard]] std::string environment_name(const std::string& flag);

// Adds --config, and the environment names of all options that `app` has. Throws CLI::FileError if VIBRATO_CONFIG
// names a file that is not there.
void add_option_sources(CLI::App& app, const std::string& command_name);

}  // namespace vibrato::app
