#include "base/crc32c.hpp"

#include <array>
#include <cstring>
#include <vibrato/check.hpp>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

// How the hardware form is fast: one CRC instruction has a latency of three cycles and a throughput of one, so three
// neighbouring lanes of the input are summed side by side. The lanes are joined by shifting a sum over the length of
// a lane of zeros, which is a linear map and costs four table look-ups (after Mark Adler's crc32c.c).

namespace vibrato {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // Reflected.
constexpr std::size_t kLongLaneBytes = 4096;
constexpr std::size_t kShortLaneBytes = 256;

using ByteTable = std::array<std::uint32_t, 256>;

// Row s maps a byte to its contribution when s more bytes follow it ("slicing by 8").
constexpr std::array<ByteTable, 8> make_slicing_tables() {
  std::array<ByteTable, 8> tables{};
  for (std::uint32_t n = 0; n < 256; ++n) {
    std::uint32_t crc = n;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 1) != 0 ? (crc >> 1) ^ kPolynomial : crc >> 1;
    }
    tables[0][n] = crc;
  }
  for (std::size_t s = 1; s < tables.size(); ++s) {
    for (std::size_t n = 0; n < 256; ++n) {
      const std::uint32_t previous = tables[s - 1][n];
      tables[s][n] = (previous >> 8) ^ tables[0][previous & 0xff];
    }
  }
  return tables;
}

constexpr std::array<ByteTable, 8> kSlicing = make_slicing_tables();

// A linear map of 32 bits over GF(2): column i is the image of bit i.
using Matrix = std::array<std::uint32_t, 32>;

constexpr std::uint32_t apply(const Matrix& matrix, std::uint32_t vector) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; vector != 0; ++i, vector >>= 1) {
    if ((vector & 1) != 0) {
      sum ^= matrix[i];
    }
  }
  return sum;
}

constexpr Matrix square(const Matrix& matrix) {
  Matrix result{};
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = apply(matrix, matrix[i]);
  }
  return result;
}

// The map that appends `byte_count` zero bytes to a checksum, as one table for each of its four bytes.
// Requires: byte_count is a power of two.
constexpr std::array<ByteTable, 4> make_shift_tables(std::size_t byte_count) {
  Matrix shift{};
  shift[0] = kPolynomial;  // One zero bit.
  for (std::size_t i = 1; i < shift.size(); ++i) {
    shift[i] = std::uint32_t{1} << (i - 1);
  }
  for (std::size_t bits = 1; bits < byte_count * 8; bits *= 2) {
    shift = square(shift);
  }
  std::array<ByteTable, 4> tables{};
  for (std::uint32_t n = 0; n < 256; ++n) {
    for (std::size_t byte = 0; byte < tables.size(); ++byte) {
      tables[byte][n] = apply(shift, n << (8 * byte));
    }
  }
  return tables;
}

constexpr std::array<ByteTable, 4> kLongShift = make_shift_tables(kLongLaneBytes);
constexpr std::array<ByteTable, 4> kShortShift = make_shift_tables(kShortLaneBytes);

std::uint64_t load_word(const std::byte* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

}  // namespace

namespace detail {

std::uint32_t crc32c_extend_table(std::uint32_t crc, std::span<const std::byte> bytes) {
  std::uint32_t sum = ~crc;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  const auto byte_at = [&at](std::size_t i) { return std::to_integer<std::uint32_t>(at[i]); };
  for (; left >= 8; left -= 8, at += 8) {
    sum ^= byte_at(0) | byte_at(1) << 8 | byte_at(2) << 16 | byte_at(3) << 24;
    sum = kSlicing[7][sum & 0xff] ^ kSlicing[6][(sum >> 8) & 0xff] ^ kSlicing[5][(sum >> 16) & 0xff] ^
          kSlicing[4][sum >> 24] ^ kSlicing[3][byte_at(4)] ^ kSlicing[2][byte_at(5)] ^ kSlicing[1][byte_at(6)] ^
          kSlicing[0][byte_at(7)];
  }
  for (; left > 0; --left, ++at) {
    sum = (sum >> 8) ^ kSlicing[0][(sum ^ byte_at(0)) & 0xff];
  }
  return ~sum;
}

}  // namespace detail

#if defined(__x86_64__)
#define VIBRATO_CRC32C_TARGET __attribute__((target("sse4.2")))
#define VIBRATO_CRC32C_U64(crc, word) static_cast<std::uint32_t>(__builtin_ia32_crc32di((crc), (word)))
#define VIBRATO_CRC32C_U8(crc, byte) __builtin_ia32_crc32qi((crc), (byte))
#elif defined(__aarch64__) && defined(__clang__)
#define VIBRATO_CRC32C_TARGET __attribute__((target("crc")))
#define VIBRATO_CRC32C_U64(crc, word) __builtin_arm_crc32cd((crc), (word))
#define VIBRATO_CRC32C_U8(crc, byte) __builtin_arm_crc32cb((crc), (byte))
#elif defined(__aarch64__)
#define VIBRATO_CRC32C_TARGET __attribute__((target("+crc")))
#define VIBRATO_CRC32C_U64(crc, word) __builtin_aarch64_crc32cx((crc), (word))
#define VIBRATO_CRC32C_U8(crc, byte) __builtin_aarch64_crc32cb((crc), (byte))
#endif

#if defined(VIBRATO_CRC32C_TARGET)
namespace {

std::uint32_t shift_by(const std::array<ByteTable, 4>& tables, std::uint32_t sum) {
  return tables[0][sum & 0xff] ^ tables[1][(sum >> 8) & 0xff] ^ tables[2][(sum >> 16) & 0xff] ^ tables[3][sum >> 24];
}

// Sums three lanes of `lane_bytes` each, starting at `at`, as if they were one run.
VIBRATO_CRC32C_TARGET std::uint32_t extend_three_lanes(std::uint32_t sum, const std::byte* at, std::size_t lane_bytes,
                                                       const std::array<ByteTable, 4>& shift) {
  std::uint32_t second = 0;
  std::uint32_t third = 0;
  for (std::size_t i = 0; i < lane_bytes; i += 8) {
    sum = VIBRATO_CRC32C_U64(sum, load_word(at + i));
    second = VIBRATO_CRC32C_U64(second, load_word(at + lane_bytes + i));
    third = VIBRATO_CRC32C_U64(third, load_word(at + 2 * lane_bytes + i));
  }
  sum = shift_by(shift, sum) ^ second;
  return shift_by(shift, sum) ^ third;
}

}  // namespace

namespace detail {

VIBRATO_CRC32C_TARGET std::uint32_t crc32c_extend_hardware(std::uint32_t crc, std::span<const std::byte> bytes) {
  std::uint32_t sum = ~crc;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3 * kLongLaneBytes; left -= 3 * kLongLaneBytes, at += 3 * kLongLaneBytes) {
    sum = extend_three_lanes(sum, at, kLongLaneBytes, kLongShift);
  }
  for (; left >= 3 * kShortLaneBytes; left -= 3 * kShortLaneBytes, at += 3 * kShortLaneBytes) {
    sum = extend_three_lanes(sum, at, kShortLaneBytes, kShortShift);
  }
  for (; left >= 8; left -= 8, at += 8) {
    sum = VIBRATO_CRC32C_U64(sum, load_word(at));
  }
  for (; left > 0; --left, ++at) {
    sum = VIBRATO_CRC32C_U8(sum, std::to_integer<unsigned char>(*at));
  }
  return ~sum;
}

bool crc32c_hardware_available() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("sse4.2") != 0;
#else
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#endif
}

}  // namespace detail
#else
namespace detail {

std::uint32_t crc32c_extend_hardware(std::uint32_t, std::span<const std::byte>) {
  VIBRATO_CHECK(crc32c_hardware_available());
  return 0;
}

bool crc32c_hardware_available() {
  return false;
}

}  // namespace detail
#endif

std::uint32_t crc32c_extend(std::uint32_t crc, std::span<const std::byte> bytes) {
  static const bool hardware = detail::crc32c_hardware_available();
  return hardware ? detail::crc32c_extend_hardware(crc, bytes) : detail::crc32c_extend_table(crc, bytes);
}

}  // namespace vibrato
