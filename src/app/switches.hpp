// Switches that may carry their value: `--flag`, `--flag true`, `--flag=false`. For the command files.
#pragma once

#include <optional>
#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace vibrato::app {

// `value` is the default until the switch is given; without a value it then is true. `value` outlives `app`.
CLI::Option* add_switch(CLI::App& app, const std::string& name, bool& value, const std::string& description);
// The same, where it matters whether it was given at all.
CLI::Option* add_switch(CLI::App& app, const std::string& name, std::optional<bool>& value,
                        const std::string& description);

}  // namespace vibrato::app
