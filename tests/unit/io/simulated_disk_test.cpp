// The model of power loss against an oracle: random scripts on one file, and every sector and size that survives must
// be one that the file had since its last sync.
#include "io/simulated_disk.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace vibrato::io {
namespace {

constexpr std::size_t kDiskSector = SimulatedContent::kSectorBytes;

using Bytes = std::vector<std::byte>;

Bytes copy_of(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

// The sector of `bytes`, with zeros past the end.
Bytes sector_of(const Bytes& bytes, std::size_t index) {
  Bytes sector(kDiskSector);
  for (std::size_t i = 0; i < kDiskSector && index * kDiskSector + i < bytes.size(); ++i) {
    sector[i] = bytes[index * kDiskSector + i];
  }
  return sector;
}

// Whether `survived` can be made of whole sectors and a size of `states`, the contents since the last sync.
::testing::AssertionResult is_legal(const Bytes& survived, const std::vector<Bytes>& states) {
  if (std::none_of(states.begin(), states.end(), [&](const Bytes& state) { return state.size() == survived.size(); })) {
    return ::testing::AssertionFailure() << "the file never had " << survived.size() << " bytes";
  }
  for (std::size_t index = 0; index * kDiskSector < survived.size(); ++index) {
    const std::size_t length = std::min(kDiskSector, survived.size() - index * kDiskSector);
    const Bytes found = sector_of(survived, index);
    const bool known = std::any_of(states.begin(), states.end(), [&](const Bytes& state) {
      const Bytes sector = sector_of(state, index);
      return std::equal(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(length), sector.begin());
    });
    if (!known) {
      return ::testing::AssertionFailure() << "sector " << index << " never looked like this";
    }
  }
  return ::testing::AssertionSuccess();
}

// One random write, truncation or sync; keeps `states` up to date.
void step(SimulatedContent& content, std::vector<Bytes>& states, std::uint64_t sequence, Random& random) {
  const std::uint64_t kind = random.below(10);
  if (kind < 7) {
    const Bytes data(1 + random.below(3 * kDiskSector), static_cast<std::byte>(1 + random.below(255)));
    content.write(sequence, random.below(5 * kDiskSector), data);
  } else if (kind < 9) {
    content.resize(sequence, random.below(8 * kDiskSector));
  } else {
    content.sync();
    states.clear();
  }
  states.push_back(copy_of(content.current()));
}

TEST(SimulatedDisk, every_survivor_is_made_of_sectors_and_sizes_that_the_file_had_since_its_sync) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    for (const CrashMode mode : kAllCrashModes) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", mode " + std::to_string(static_cast<int>(mode)));
      Random random(seed);
      SimulatedContent content;
      std::vector<Bytes> states = {Bytes()};
      const std::uint64_t steps = 1 + random.below(12);
      for (std::uint64_t sequence = 1; sequence <= steps; ++sequence) {
        step(content, states, sequence, random);
      }
      PowerLoss loss{mode, 1 + random.below(steps), Random(seed + 1)};
      content.lose_power(loss);
      const Bytes survived = copy_of(content.current());
      if (mode == CrashMode::kKeepNone) {
        ASSERT_EQ(survived, states.front());
      } else if (mode == CrashMode::kKeepAll) {
        ASSERT_EQ(survived, states.back());
      } else {
        ASSERT_TRUE(is_legal(survived, states));
      }
      // What survived is durable: a second loss changes nothing.
      PowerLoss second{CrashMode::kKeepNone, 0, Random(0)};
      content.lose_power(second);
      ASSERT_EQ(copy_of(content.current()), survived);
    }
  }
}

TEST(SimulatedDisk, the_oracle_refuses_what_no_disk_leaves) {
  const std::vector<Bytes> states = {Bytes(1000, std::byte{1}), Bytes(1000, std::byte{2})};
  EXPECT_TRUE(is_legal(states[0], states));
  Bytes mixed = states[0];
  std::copy_n(states[1].begin() + kDiskSector, 1000 - kDiskSector, mixed.begin() + kDiskSector);
  EXPECT_TRUE(is_legal(mixed, states)) << "one sector of each";
  mixed[10] = std::byte{2};
  EXPECT_FALSE(is_legal(mixed, states)) << "a mix inside a sector";
  EXPECT_FALSE(is_legal(Bytes(999, std::byte{1}), states)) << "a size that it never had";
}

TEST(SimulatedDisk, many_random_losses_find_every_version_of_a_sector) {
  bool found[4] = {};
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SimulatedContent content;
    for (std::uint64_t version = 1; version <= 3; ++version) {
      content.write(version, 0, Bytes(1, static_cast<std::byte>(version)));
      if (version == 1) {
        content.sync();
      }
    }
    PowerLoss loss{CrashMode::kRandomSectors, 0, Random(seed)};
    content.lose_power(loss);
    ASSERT_EQ(content.current().size(), 1U);
    found[std::to_integer<std::size_t>(content.current()[0])] = true;
  }
  EXPECT_FALSE(found[0]);
  EXPECT_TRUE(found[1] && found[2] && found[3]);
}

}  // namespace
}  // namespace vibrato::io
