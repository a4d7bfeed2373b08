// Flags that the contract names and that are not built yet: using one is wrong usage with a message that says so,
// never a silent no-op. For the command files.
#pragma once

#include <initializer_list>
#include <string>

namespace CLI {
class App;
}

namespace vibrato::app {

// `names` are long flags, with a value or without, hidden from the help.
void refuse_planned_flags(CLI::App& app, std::initializer_list<std::string> names);

}  // namespace vibrato::app
