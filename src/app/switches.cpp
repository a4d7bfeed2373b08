#include "app/switches.hpp"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace vibrato::app {
namespace {

template <typename Value>
CLI::Option* add(CLI::App& app, const std::string& name, Value& value, const std::string& description) {
  const auto take = [&value](const std::vector<std::string>& given) { value = given.empty() || given[0] != "false"; };
  const auto check = [](const std::string& text) {
    const bool known = text.empty() || text == "true" || text == "false";
    return known ? std::string() : "'" + text + "' is neither true nor false";
  };
  return app.add_option_function<std::vector<std::string>>(name, take, description)
      ->expected(0, 1)
      ->type_name("[true|false]")
      ->check(check);
}

}  // namespace

CLI::Option* add_switch(CLI::App& app, const std::string& name, bool& value, const std::string& description) {
  // Not as CLI11's default, which stands for a switch without a value.
  return add(app, name, value, description + (value ? " (default: true)" : " (default: false)"));
}

CLI::Option* add_switch(CLI::App& app, const std::string& name, std::optional<bool>& value,
                        const std::string& description) {
  return add(app, name, value, description);
}

}  // namespace vibrato::app
