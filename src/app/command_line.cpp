#include "app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <exception>
#include <iomanip>
#include <ostream>
#include <utility>

#include "app/option_sources.hpp"

namespace vibrato::app {
namespace {

constexpr std::array<std::pair<CommandGroup, const char*>, 4> kGroupTitles = {{
    {CommandGroup::kServers, "Servers"},
    {CommandGroup::kFiles, "Vector files"},
    {CommandGroup::kClients, "Using a running server"},
    {CommandGroup::kOperations, "Operations"},
}};

void print_overview(std::ostream& out, const std::vector<Command>& commands) {
  out << "vibratod: a vector database in one binary\n\n"
         "Usage: vibratod COMMAND [OPTIONS]\n";
  for (const auto& [group, title] : kGroupTitles) {
    out << '\n' << title << ":\n";
    for (const Command& command : commands) {
      if (command.group != group) continue;
      out << "  " << std::left << std::setw(18) << command.name << command.summary
          << (command.configure ? "" : " (not built yet)") << '\n';
    }
  }
  out << "\n'vibratod COMMAND --help' shows the options of a command with examples.\n"
         "Every option --some-name is also read from the environment as VIBRATO_SOME_NAME and from the file that\n"
         "--config names (lines 'some-name = value'); flags win over the environment, the environment over the file.\n"
         "Results go to stdout, logs and progress to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage.\n";
}

std::vector<std::string> names_of(const std::vector<Command>& commands) {
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const Command& command : commands) names.push_back(command.name);
  return names;
}

ExitCode refuse_arguments(const Command& command, const std::string& message, CommandContext& context) {
  context.err << "vibratod " << command.name << ": " << message << "\nTry 'vibratod " << command.name << " --help'.\n";
  return ExitCode::kWrongUsage;
}

ExitCode parse_and_run(const Command& command, const std::vector<std::string>& arguments,
                       std::vector<std::string> command_names, CommandContext& context) {
  CLI::App app(command.summary, "vibratod " + command.name);
  if (!command.examples.empty()) app.footer("Examples:\n" + command.examples);
  const CommandBody body = command.configure(app);
  if (const auto empty = find_empty_value(arguments)) return refuse_arguments(command, *empty, context);
  try {
    add_option_sources(app, command.name, std::move(command_names));
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 takes them from the back.
    app.parse(std::move(reversed));
  } catch (const CLI::Success& success) {
    app.exit(success, context.out, context.err);
    return ExitCode::kDone;
  } catch (const CLI::Error& error) {
    return refuse_arguments(command, explain(app, error, arguments), context);
  }
  return body(context);
}

}  // namespace

ExitCode run_command_line(const std::vector<std::string>& arguments, const std::vector<Command>& commands,
                          CommandContext& context) {
  if (arguments.empty()) {
    print_overview(context.err, commands);
    return ExitCode::kWrongUsage;
  }
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    print_overview(context.out, commands);
    return ExitCode::kDone;
  }
  if (name == "--version" || name == "-V") {
    context.out << "vibratod " VIBRATO_VERSION "\n";
    return ExitCode::kDone;
  }
  const auto command = std::find_if(commands.begin(), commands.end(), [&](const Command& c) { return c.name == name; });
  if (command == commands.end()) {
    return refuse_usage(context, "there is no command '" + name + "'; 'vibratod --help' lists them");
  }
  if (!command->configure) return refuse_usage(context, "'" + name + "' is not built yet in this version");
  try {
    return parse_and_run(*command, {arguments.begin() + 1, arguments.end()}, names_of(commands), context);
  } catch (const std::exception& error) {
    return fail(context, {ErrorCode::kInternal, std::string("unexpected error: ") + error.what()});
  }
}

}  // namespace vibrato::app
