#include "sqlite/file_locks.hpp"

#include <gtest/gtest.h>

namespace vibrato::sqlite {
namespace {

TEST(FileLocks, many_read_while_one_prepares_to_write) {
  FileLocks locks;
  FileLocks::Holder a;
  FileLocks::Holder b;
  EXPECT_TRUE(locks.acquire(a, LockLevel::kShared));
  EXPECT_TRUE(locks.acquire(b, LockLevel::kShared));
  EXPECT_FALSE(locks.is_reserved());
  EXPECT_TRUE(locks.acquire(a, LockLevel::kReserved));
  EXPECT_TRUE(locks.is_reserved());
  EXPECT_FALSE(locks.acquire(b, LockLevel::kReserved));
  EXPECT_EQ(b.level, LockLevel::kShared);
}

TEST(FileLocks, a_waiting_writer_lets_no_new_readers_in) {
  FileLocks locks;
  FileLocks::Holder writer;
  FileLocks::Holder reader;
  FileLocks::Holder late;
  EXPECT_TRUE(locks.acquire(writer, LockLevel::kShared));
  EXPECT_TRUE(locks.acquire(reader, LockLevel::kShared));
  EXPECT_FALSE(locks.acquire(writer, LockLevel::kExclusive));
  EXPECT_EQ(writer.level, LockLevel::kPending);
  EXPECT_FALSE(locks.acquire(late, LockLevel::kShared));
  locks.release(reader, LockLevel::kNone);
  EXPECT_TRUE(locks.acquire(writer, LockLevel::kExclusive));
  locks.release(writer, LockLevel::kShared);
  EXPECT_TRUE(locks.acquire(late, LockLevel::kShared));
  EXPECT_FALSE(locks.is_reserved());
}

TEST(FileLocks, what_is_released_can_be_taken_by_another) {
  FileLocks locks;
  FileLocks::Holder first;
  FileLocks::Holder second;
  EXPECT_TRUE(locks.acquire(first, LockLevel::kShared));
  EXPECT_TRUE(locks.acquire(first, LockLevel::kExclusive));
  EXPECT_TRUE(locks.acquire(first, LockLevel::kShared)) << "it holds more already";
  EXPECT_FALSE(locks.acquire(second, LockLevel::kShared));
  locks.release(first, LockLevel::kNone);
  locks.release(first, LockLevel::kNone);
  EXPECT_TRUE(locks.acquire(second, LockLevel::kExclusive));
}

}  // namespace
}  // namespace vibrato::sqlite
