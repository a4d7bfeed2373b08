#include "app/option_sources.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <istream>
#include <memory>
#include <utility>
#include <vector>

namespace vibrato::app {
namespace {

// An empty variable counts as not set, as it does in CLI11.
std::string environment_value(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::string() : std::string(value);
}

// CLI11 reads the file before the environment and lets the first source win. This reader turns the order around: it
// leaves out what the environment sets. It also picks the sections that concern the command.
class CommandConfig final : public CLI::ConfigTOML {
 public:
  explicit CommandConfig(std::string command_name) : command_name_(std::move(command_name)) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> kept;
    for (CLI::ConfigItem& item : CLI::ConfigTOML::from_config(input)) {
      if (item.name == "++" || item.name == "--") continue;  // The begin and end marks of sections.
      if (!item.parents.empty() && item.parents != std::vector<std::string>{command_name_}) continue;
      item.parents.clear();
      std::replace(item.name.begin(), item.name.end(), '_', '-');
      if (item.name == "config" || item.name == "help") throw CLI::ConfigError::NotConfigurable(item.name);
      if (environment_value(environment_name(item.name)).empty()) kept.push_back(std::move(item));
    }
    return kept;
  }

 private:
  std::string command_name_;
};

}  // namespace

std::string environment_name(const std::string& flag) {
  std::string name = "VIBRATO_";
  for (const char c : flag) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

void add_option_sources(CLI::App& app, const std::string& command_name) {
  for (CLI::Option* option : app.get_options()) {
    // Hidden options are those that are not built yet: a variable meant for another command must not trip over them.
    if (option == app.get_help_ptr() || option->get_lnames().empty() || option->get_group().empty()) continue;
    option->envname(environment_name(option->get_lnames().front()));
  }
  const std::string file = environment_value("VIBRATO_CONFIG");
  if (!file.empty() && CLI::detail::check_path(file.c_str()) != CLI::detail::path_type::file) {
    throw CLI::FileError::Missing(file);
  }
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.config_formatter(std::make_shared<CommandConfig>(command_name));
  app.set_config("--config", file, "read options from FILE")->type_name("FILE");
}

}  // namespace vibrato::app
