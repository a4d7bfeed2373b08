#include "app/option_sources.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <istream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

namespace vibrato::app {
namespace {

constexpr const char* kConfigVariable = "VIBRATO_CONFIG";

// An empty variable counts as not set, as it does in CLI11.
std::string environment_value(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::string() : std::string(value);
}

// What an operator wrote, as it may stand in a message.
std::string shown(std::string text) {
  constexpr std::size_t kShownBytesMax = 80;
  text.resize(std::min(text.size(), kShownBytesMax));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c == 0x7f; }, '?');
  return text;
}

// CLI11 reads the file before the environment and lets the first source win. This reader turns the order around: it
// leaves out what the environment sets. It also picks the sections that concern the command, and refuses what would
// otherwise be passed over in silence.
class CommandConfig final : public CLI::ConfigTOML {
 public:
  CommandConfig(const CLI::App& app, std::string command_name, std::vector<std::string> command_names)
      : app_(app), command_name_(std::move(command_name)), command_names_(std::move(command_names)) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> kept;
    std::vector<std::string> names;
    std::istringstream text{std::string(std::istreambuf_iterator<char>(input), {})};
    check_lines(text.str());
    for (CLI::ConfigItem& item : CLI::ConfigTOML::from_config(text)) {
      check_section(item.parents);
      if (item.name == "++" || item.name == "--") continue;  // The begin and end marks of sections.
      if (!item.parents.empty() && item.parents.front() != command_name_) continue;
      item.parents.clear();
      std::replace(item.name.begin(), item.name.end(), '_', '-');
      check_item(item);
      if (std::find(names.begin(), names.end(), item.name) != names.end()) refuse("'" + item.name + "' comes twice");
      names.push_back(item.name);
      if (environment_value(environment_name(item.name)).empty()) kept.push_back(std::move(item));
    }
    return kept;
  }

 private:
  [[noreturn]] static void refuse(const std::string& what) { throw CLI::ConfigError(what); }

  // A line without '=' would be taken for a name that stands for "true". Lists and texts may go over several lines.
  static void check_lines(const std::string& text) {
    std::istringstream lines(text);
    std::string line;
    std::string_view end;  // Of the list or text that has begun.
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
      if (!end.empty()) {
        if (line.find(end) != std::string::npos) end = {};
        continue;
      }
      const std::string content = CLI::detail::trim_copy(line);
      if (content.empty() || content.find_first_of("#;[") == 0) continue;
      if (content.starts_with("\"\"\"") || content.starts_with("'''")) {  // A remark over several lines.
        const std::string_view quotes = content.front() == '"' ? "\"\"\"" : "'''";
        if (content.find(quotes, quotes.size()) == std::string::npos) end = quotes;
        continue;
      }
      const std::size_t equals = content.find('=');
      if (equals == std::string::npos || equals == 0) {
        refuse("line " + std::to_string(number) + ": expected 'some-name = value', found '" + shown(content) + "'");
      }
      end = end_of_value(CLI::detail::trim_copy(content.substr(equals + 1)));
    }
  }

  // What ends the value on a later line; nothing if it ends here.
  static std::string_view end_of_value(const std::string& value) {
    for (const std::string_view quotes : {"\"\"\"", "'''"}) {
      if (value.starts_with(quotes)) return value.find(quotes, quotes.size()) == std::string::npos ? quotes : "";
    }
    return value.starts_with('[') && value.find(']') == std::string::npos ? "]" : "";
  }

  void check_section(const std::vector<std::string>& parents) const {
    if (parents.empty()) return;
    const bool is_known = parents.size() == 1 && std::find(command_names_.begin(), command_names_.end(),
                                                           parents.front()) != command_names_.end();
    if (!is_known) refuse("the section [" + shown(CLI::detail::join(parents, ".")) + "] is not named after a command");
  }

  void check_item(const CLI::ConfigItem& item) const {
    if (item.name == "config" || item.name == "help") throw CLI::ConfigError::NotConfigurable(item.name);
    if (app_.get_option_no_throw("--" + item.name) == nullptr) {
      refuse("'" + shown(item.name) + "' is not an option of " + command_name_);
    }
    const bool is_empty =
        std::all_of(item.inputs.begin(), item.inputs.end(), [](const std::string& text) { return text.empty(); });
    if (is_empty) refuse("'" + item.name + "' has no value");
  }

  const CLI::App& app_;
  std::string command_name_;
  std::vector<std::string> command_names_;
};

// The file that options were read from; empty if there is none.
std::string config_file(const CLI::App& app) {
  const CLI::Option* const option = app.get_config_ptr();
  const auto files = option == nullptr ? std::vector<std::string>() : option->as<std::vector<std::string>>();
  return files.empty() ? std::string() : files.front();
}

// Whether `arguments` give a value to the option: "--port 1", "--port=1", "-p 1", "-p1".
bool is_among(const CLI::Option& option, const std::vector<std::string>& arguments) {
  const auto gives = [&](const std::string& argument) {
    const auto is_long = [&](const std::string& name) {
      return argument == "--" + name || argument.starts_with("--" + name + "=");
    };
    const auto is_short = [&](const std::string& name) {
      return argument.starts_with("-" + name) && !argument.starts_with("--");
    };
    return std::any_of(option.get_lnames().begin(), option.get_lnames().end(), is_long) ||
           std::any_of(option.get_snames().begin(), option.get_snames().end(), is_short);
  };
  return std::any_of(arguments.begin(), arguments.end(), gives);
}

// The first flag that a message names: "--port" of "--port: Value 0 not in range 1 to 5".
std::string flag_in(const std::string& message) {
  const std::size_t start = message.find("--");
  if (start == std::string::npos) return {};
  const auto belongs = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; };
  const auto end = std::find_if_not(message.begin() + static_cast<std::ptrdiff_t>(start), message.end(), belongs);
  return {message.begin() + static_cast<std::ptrdiff_t>(start), end};
}

}  // namespace

std::string environment_name(const std::string& flag) {
  std::string name = "VIBRATO_";
  for (const char c : flag) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

void add_option_sources(CLI::App& app, const std::string& command_name, std::vector<std::string> command_names) {
  for (CLI::Option* option : app.get_options()) {
    // Hidden options are those that are not built yet: a variable meant for another command must not trip over them.
    if (option == app.get_help_ptr() || option->get_lnames().empty() || option->get_group().empty()) continue;
    option->envname(environment_name(option->get_lnames().front()));
  }
  const std::string file = environment_value(kConfigVariable);
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.config_formatter(std::make_shared<CommandConfig>(app, command_name, std::move(command_names)));
  // Required, as CLI11 passes over a default that cannot be read.
  app.set_config("--config", file, "read options from FILE", !file.empty())->type_name("FILE");
}

std::optional<std::string> find_empty_value(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument.empty()) {
      const bool has_flag = i > 0 && arguments[i - 1].starts_with('-');
      return has_flag ? arguments[i - 1] + ": the value is empty" : std::string("an argument is empty");
    }
    if (argument.starts_with("--") && argument.find('=') == argument.size() - 1) {
      return argument.substr(0, argument.size() - 1) + ": the value is empty";
    }
  }
  return std::nullopt;
}

std::string explain(const CLI::App& app, const CLI::Error& error, const std::vector<std::string>& arguments) {
  std::string message = error.what();
  if (dynamic_cast<const CLI::ConfigError*>(&error) != nullptr) return config_file(app) + ": " + message;
  if (dynamic_cast<const CLI::FileError*>(&error) != nullptr) {
    const bool is_flag = is_among(*app.get_config_ptr(), arguments);
    return std::string(is_flag ? "--config" : kConfigVariable) + ": " + message;
  }
  const std::string flag = flag_in(message);
  const CLI::Option* const option = flag.empty() ? nullptr : app.get_option_no_throw(flag);
  if (option == nullptr || is_among(*option, arguments)) return message;
  const std::string variable = environment_name(flag.substr(2));
  if (!environment_value(variable).empty()) return message + " (the value is that of " + variable + ")";
  const std::string file = config_file(app);
  return file.empty() ? message : message + " (the value is that of '" + flag.substr(2) + "' in " + file + ")";
}

}  // namespace vibrato::app
