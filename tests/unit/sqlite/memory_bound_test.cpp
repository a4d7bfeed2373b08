// The bound counts what SQLite takes on its own thread, and refuses there alone.
#include "sqlite/memory_bound.hpp"

#include <gtest/gtest.h>
#include <thread>

#include "io/simulated_file_system.hpp"
#include "sqlite/connection.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::sqlite {
namespace {

constexpr const char* kMebibyte = "SELECT length(hex(zeroblob(524288)))";

class MemoryBoundTest : public ::testing::Test {
 protected:
  static Status run(Connection& connection) { return connection.execute(kMebibyte); }

  io::SimulatedFileSystem fs_;
  Vfs vfs_{fs_};
};

TEST_F(MemoryBoundTest, memory_is_refused_past_it_and_the_connection_goes_on) {
  const auto connection = Connection::open(vfs_, "/a.db");
  ASSERT_OK(connection);
  MemoryBound bound;
  bound.begin(1 << 20);
  EXPECT_FALSE(run(**connection).ok());
  EXPECT_TRUE(bound.was_reached());
  bound.begin(4 << 20);
  EXPECT_OK(run(**connection));
  EXPECT_FALSE(bound.was_reached());
  for (int i = 0; i < 20; ++i) EXPECT_OK(run(**connection));  // What is given back may be taken again.
  bound.lift();
  EXPECT_OK(run(**connection));
}

TEST_F(MemoryBoundTest, other_threads_do_not_notice) {
  MemoryBound bound;
  bound.begin(1000);
  std::thread other([&] {
    const auto connection = Connection::open(vfs_, "/a.db");
    ASSERT_OK(connection);
    EXPECT_OK(run(**connection));
  });
  other.join();
  EXPECT_FALSE(bound.was_reached());
  bound.lift();
}

TEST(MemoryBound, allows_as_much_as_it_says) {
  MemoryBound bound;
  bound.begin(100);
  EXPECT_TRUE(bound.allows(99));
  EXPECT_TRUE(bound.allows(100));
  EXPECT_FALSE(bound.was_reached());
  EXPECT_FALSE(bound.allows(101));
  bound.note(60);
  EXPECT_TRUE(bound.allows(40));
  EXPECT_FALSE(bound.allows(41));
  EXPECT_TRUE(bound.allows(-1));
  EXPECT_TRUE(bound.was_reached());
}

}  // namespace
}  // namespace vibrato::sqlite
