#include "app/planned_flags.hpp"

#include <CLI/CLI.hpp>

namespace vibrato::app {

void refuse_planned_flags(CLI::App& app, std::initializer_list<std::string> names) {
  for (const std::string& name : names) {
    const auto refuse = [name](const std::string&) {
      throw CLI::ValidationError(name, "is not built yet in this version");
    };
    app.add_option_function<std::string>(name, refuse)->expected(0, 1)->group("");
  }
}

}  // namespace vibrato::app
