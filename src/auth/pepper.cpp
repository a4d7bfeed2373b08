#include "auth/pepper.hpp"

#include <algorithm>
#include <array>

#include "auth/hex.hpp"
#include "io/atomic_file.hpp"

namespace vibrato::auth {
namespace {

constexpr std::size_t kFileRandomBytes = 32;
constexpr std::size_t kFileTextBytes = 2 * kFileRandomBytes;
constexpr std::size_t kFileBytes = kFileTextBytes + 1;  // With the newline.

static_assert(kFileTextBytes >= Pepper::kBytesMin && kFileTextBytes <= Pepper::kBytesMax);

bool is_visible(char c) {
  return c > ' ' && c <= '~';
}

Status not_a_pepper(const std::string& path, const std::string& found) {
  return corruption(path + ": expected " + std::to_string(kFileTextBytes) +
                    " lower-case hex digits and a newline, found " + found +
                    "; put the file back from a backup or give the pepper in VIBRATO_API_PEPPER");
}

}  // namespace

Result<Pepper> Pepper::from_text(std::string text) {
  SecretString secret(std::move(text));
  const std::string_view view = secret.view();
  if (view.size() < kBytesMin || view.size() > kBytesMax || !std::all_of(view.begin(), view.end(), is_visible)) {
    return invalid_argument("the pepper must be " + std::to_string(kBytesMin) + " to " + std::to_string(kBytesMax) +
                            " visible ASCII characters without spaces; `openssl rand -hex 32` makes one");
  }
  return Pepper(std::move(secret));
}

Result<Pepper> load_pepper(io::FileSystem& file_system, const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(const auto file, file_system.open(path, io::OpenMode::kReadOnlyPrivate));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  if (size != kFileBytes) {
    return not_a_pepper(path, std::to_string(size) + " bytes");
  }
  std::string text(kFileBytes, '\0');
  const auto count = file->read_at(0, std::as_writable_bytes(std::span(text.data(), text.size())));
  const bool whole = count.ok() && *count == kFileBytes && text.back() == '\n';
  text.pop_back();
  const bool valid = whole && is_lower_hex(text);
  // Owns the text from here on, so that it is overwritten on every way out.
  auto pepper = Pepper::from_text(std::move(text));
  VIBRATO_RETURN_IF_ERROR(count.status());
  return valid ? std::move(pepper) : not_a_pepper(path, "other characters");
}

Result<Pepper> create_pepper(io::FileSystem& file_system, RandomSource& random, const std::string& path) {
  std::array<std::byte, kFileRandomBytes> bytes{};
  VIBRATO_RETURN_IF_ERROR(random.fill(bytes));
  std::string text;
  text.reserve(kFileBytes);
  append_hex(bytes, text);
  wipe(bytes);
  text.push_back('\n');
  const Status written = io::write_private_file_atomically(file_system, path, as_bytes(text));
  text.pop_back();
  auto pepper = Pepper::from_text(std::move(text));
  VIBRATO_RETURN_IF_ERROR(written);
  return pepper;
}

Result<Pepper> open_pepper(io::FileSystem& file_system, RandomSource& random, const std::string& path,
                           KeyStore& store) {
  auto loaded = load_pepper(file_system, path);
  if (loaded.ok() || loaded.status().code() != ErrorCode::kNotFound) {
    return loaded;
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<KeyRecord> keys, store.list());
  if (!keys.empty()) {
    return unavailable(path + " is missing, but " + std::to_string(keys.size()) +
                       " keys were hashed with it; put it back from a backup or give the pepper in VIBRATO_API_PEPPER");
  }
  return create_pepper(file_system, random, path);
}

}  // namespace vibrato::auth
