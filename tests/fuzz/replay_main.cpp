// main() of a fuzz target built without libFuzzer: runs every file of the corpus folders and then fixed mutations of
// them. The mutations depend on nothing but the files, so a finding repeats. On an abort it prints which input it was.
//
// A folder without seeds is an error, so that a corpus cannot vanish unnoticed.
//
//   fuzz_<name> [--mutations N] FOLDER_OR_FILE...
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <vector>

#include "base/random.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t kSeed = 1;
constexpr int kExitCrash = 77;  // As libFuzzer's.

std::array<char, 256> g_current_input{};

void write_text(const char* text) {
  // Nothing can be done about a message that cannot be written.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, std::strlen(text));
}

// Makes only calls that are allowed in a signal handler.
extern "C" void report_crash(int /*signal*/) {
  write_text("crash on ");
  write_text(g_current_input.data());
  write_text("\n");
  std::_Exit(kExitCrash);
}

void run(const Bytes& input, const std::string& name) {
  std::snprintf(g_current_input.data(), g_current_input.size(), "%s", name.c_str());
  // An exact allocation, so that AddressSanitizer sees a read past the end.
  const Bytes exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void set_number(Bytes& bytes, std::size_t at, std::uint64_t value, std::size_t width) {
  if (at + width <= bytes.size()) {
    std::memcpy(bytes.data() + at, &value, width);
  }
}

void mutate(Bytes& bytes, vibrato::Random& random) {
  constexpr std::array<std::uint64_t, 10> kEdges = {
      0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, ~std::uint64_t{0}, 64};
  if (bytes.empty()) {
    bytes.push_back(0);
  }
  // Most formats keep what steers them in front, so half of the edits go there.
  const std::size_t reach = random.chance(0.5) ? std::min<std::size_t>(bytes.size(), 160) : bytes.size();
  const std::size_t at = random.below(reach);
  switch (random.below(6)) {
    case 0:
      bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1U << random.below(8)));
      break;
    case 1:
      bytes[at] = static_cast<std::uint8_t>(random.below(256));
      break;
    case 2:
      set_number(bytes, at, kEdges[random.below(kEdges.size())], 4);
      break;
    case 3:
      set_number(bytes, at, kEdges[random.below(kEdges.size())], 8);
      break;
    case 4:
      bytes.resize(at);
      break;
    default:
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), 1 + random.below(64), 0xff);
      break;
  }
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) {
    return {path};
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, report_crash);
  std::uint64_t mutations = 0;
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--mutations") == 0 && i + 1 < argc) {
      mutations = std::strtoull(argv[++i], nullptr, 10);
    } else {
      const auto found = files_of(argv[i]);
      files.insert(files.end(), found.begin(), found.end());
    }
  }
  if (files.empty()) {
    std::fputs("no corpus: a replay of nothing proves nothing\n", stderr);
    return 2;
  }
  std::uint64_t runs = 0;
  for (const auto& path : files) {
    const Bytes seed = read_file(path);
    run(seed, path.filename().string());
    vibrato::Random random(kSeed);
    for (std::uint64_t i = 0; i < mutations / files.size(); ++i, ++runs) {
      Bytes input = seed;
      for (std::uint64_t edits = 1 + random.below(4); edits > 0; --edits) {
        mutate(input, random);
      }
      run(input, path.filename().string() + ", mutation " + std::to_string(i));
    }
  }
  std::printf("%zu files, %llu mutations: no crash\n", files.size(), static_cast<unsigned long long>(runs));
  return 0;
}
