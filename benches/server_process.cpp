#include "server_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace vibrato::bench {
namespace {

constexpr std::string_view kKeyLine = "BOOTSTRAP_ADMIN_KEY=";
constexpr std::string_view kListeningLine = "listening on ";

[[noreturn]] void run_server(const std::string& binary, const std::string& folder,
                             const std::vector<std::string>& flags, int out) {
  std::vector<std::string> arguments = {
      binary, "serve-v2", "--data-dir", folder, "--port", "0", "--bootstrap-admin-key", "true"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  std::vector<char*> pointers;
  for (std::string& argument : arguments) {
    pointers.push_back(argument.data());
  }
  pointers.push_back(nullptr);
  ::dup2(out, STDOUT_FILENO);
  const int log = ::open((folder + ".log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  ::dup2(log, STDERR_FILENO);
  ::execv(binary.c_str(), pointers.data());
  ::_exit(127);
}

}  // namespace

Result<ServerProcess> ServerProcess::start(const std::string& binary, const std::string& folder,
                                           const std::vector<std::string>& flags, const std::string& key) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return io_error(std::string("pipe: ") + std::strerror(errno));
  }
  ServerProcess server;
  server.key_ = key;
  server.pid_ = ::fork();
  if (server.pid_ == 0) {
    run_server(binary, folder, flags, ends[1]);
  }
  ::close(ends[1]);
  const Status listening = server.read_lines(ends[0]);
  if (!listening.ok()) {
    ::close(ends[0]);
    return listening.with_context(binary + " serve-v2, see " + folder + ".log");
  }
  return server;
}

Status ServerProcess::read_lines(int pipe) {
  FILE* lines = ::fdopen(pipe, "r");  // Left open: the server may print more.
  char buffer[1024];
  while (std::fgets(buffer, sizeof buffer, lines) != nullptr) {
    std::string line(buffer);
    line.pop_back();
    if (line.starts_with(kKeyLine)) {
      key_ = line.substr(kKeyLine.size());
    } else if (line.starts_with(kListeningLine)) {
      port_ = static_cast<std::uint16_t>(std::stoul(line.substr(line.rfind(':') + 1)));
      return ok_status();
    }
  }
  return io_error("ended before it listened");
}

ServerProcess::ServerProcess(ServerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), port_(other.port_), key_(std::move(other.key_)) {}

ServerProcess::~ServerProcess() {
  end(SIGKILL);
}

void ServerProcess::end(int signal_number) {
  if (pid_ > 0) {
    ::kill(pid_, signal_number);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
}

std::uint64_t ServerProcess::anonymous_bytes() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/smaps_rollup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Anonymous:")) {
      return std::stoull(line.substr(10)) * 1024;
    }
  }
  return 0;
}

double ServerProcess::processor_seconds() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
  std::stringstream text;
  text << file.rdbuf();
  std::istringstream fields(text.str().substr(text.str().rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) {
    fields >> skipped;
  }
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace vibrato::bench
