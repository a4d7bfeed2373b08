#include <iostream>
#include <string>
#include <unistd.h>
#include <vector>

#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "base/clock.hpp"
#include "io/map_faults.hpp"
#include "io/real_file_system.hpp"

int main(int argc, char** argv) {
  if (const vibrato::Status status = vibrato::io::report_map_faults(); !status.ok()) {
    std::cerr << "vibratod: " << status.message() << '\n';
    return static_cast<int>(vibrato::app::ExitCode::kFailed);
  }
  vibrato::io::RealFileSystem fs;
  const vibrato::SystemClock clock;
  vibrato::app::CommandContext context{fs, clock, std::cin, std::cout, std::cerr, ::isatty(STDERR_FILENO) == 1};
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const vibrato::app::ExitCode code = vibrato::app::run_command_line(arguments, vibrato::app::all_commands(), context);
  std::cout.flush();
  // A result that could not be written (a full disk behind a redirection) is a failure, whatever the command says.
  if (!std::cout && code == vibrato::app::ExitCode::kDone) {
    std::cerr << "vibratod: could not write to stdout\n";
    return static_cast<int>(vibrato::app::ExitCode::kFailed);
  }
  return static_cast<int>(code);
}
