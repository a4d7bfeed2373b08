#include "app/command.hpp"

#include <ostream>

namespace vibrato::app {

ExitCode fail(CommandContext& context, const Status& status) {
  context.err << "vibratod: " << status.message() << '\n';
  return ExitCode::kFailed;
}

ExitCode refuse_usage(CommandContext& context, const std::string& message) {
  context.err << "vibratod: " << message << '\n';
  return ExitCode::kWrongUsage;
}

}  // namespace vibrato::app
