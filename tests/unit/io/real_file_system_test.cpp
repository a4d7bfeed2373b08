// RealFileSystem: what only a real disk has: links, pipes, other processes, errnos.
#include "io/real_file_system.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/posix_file.hpp"
#include "support/file_contents.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::io {
namespace {

TEST(RealFileSystem, refuses_symbolic_links_as_the_last_part_of_a_path) {
  const test::TempDirectory folder;
  RealFileSystem fs;
  test::write_text(fs, folder.path("target"), "secret");
  std::filesystem::create_symlink(folder.path("target"), folder.path("link"));
  std::filesystem::create_symlink(folder.path("created"), folder.path("dangling"));
  for (const OpenMode mode :
       {OpenMode::kReadOnly, OpenMode::kReadOnlyPrivate, OpenMode::kReadWrite, OpenMode::kCreateTruncate}) {
    EXPECT_CODE(fs.open(folder.path("link"), mode), ErrorCode::kIoError);
  }
  EXPECT_CODE(fs.map_read_only(folder.path("link")), ErrorCode::kIoError);
  EXPECT_FALSE(fs.open(folder.path("dangling"), OpenMode::kCreateTruncate).ok());
  EXPECT_FALSE(std::filesystem::exists(folder.path("created")));
  EXPECT_EQ(test::read_text(fs, folder.path("target")), "secret");
}

TEST(RealFileSystem, a_private_file_has_mode_0600_whatever_the_umask_allows) {
  const test::TempDirectory folder;
  RealFileSystem fs;
  const ::mode_t old_mask = ::umask(0);
  const auto file = fs.open(folder.path("secret"), OpenMode::kCreateNewPrivate);
  ::umask(old_mask);
  ASSERT_OK(file);
  struct ::stat info {};
  ASSERT_EQ(::stat(folder.path("secret").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
}

TEST(RealFileSystem, a_file_with_any_permission_for_others_is_not_private) {
  const test::TempDirectory folder;
  RealFileSystem fs;
  const std::string path = folder.path("secret");
  ASSERT_OK(fs.open(path, OpenMode::kCreateNewPrivate));
  for (const ::mode_t bit : {0040U, 0020U, 0010U, 0004U, 0002U, 0001U}) {  // Read, write, execute of group and others.
    ASSERT_EQ(::chmod(path.c_str(), 0600U | bit), 0);
    EXPECT_CODE(fs.open(path, OpenMode::kReadOnlyPrivate), ErrorCode::kForbidden) << bit;
  }
  for (const ::mode_t mode : {0600U, 0400U}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_OK(fs.open(path, OpenMode::kReadOnlyPrivate));
  }
}

TEST(RealFileSystem, sees_a_link_as_neither_file_nor_folder) {
  const test::TempDirectory folder;
  RealFileSystem fs;
  ASSERT_OK(fs.create_directory(folder.path("real")));
  std::filesystem::create_directory_symlink(folder.path("real"), folder.path("link"));
  const auto info = fs.stat(folder.path("link"));
  ASSERT_OK(info);
  EXPECT_FALSE(info->is_directory);
  EXPECT_FALSE(info->is_regular);
  EXPECT_FALSE(fs.list_directory(folder.path("link")).ok());
  EXPECT_FALSE(fs.sync_directory(folder.path("link")).ok());
  EXPECT_CODE(fs.create_directory(folder.path("link")), ErrorCode::kAlreadyExists);
}

TEST(RealFileSystem, a_hard_link_of_a_symbolic_link_does_not_reach_its_target) {
  const test::TempDirectory folder;
  RealFileSystem fs;
  test::write_text(fs, folder.path("target"), "secret");
  std::filesystem::create_symlink(folder.path("target"), folder.path("link"));
  ASSERT_OK(fs.hard_link(folder.path("link"), folder.path("second")));
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path("second")));
}

TEST(RealFileSystem, refuses_a_pipe_without_waiting_for_its_other_end) {
  const test::TempDirectory folder;
  RealFileSystem fs;
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_CODE(fs.open(folder.path("pipe"), OpenMode::kReadOnly), ErrorCode::kIoError);
  EXPECT_CODE(fs.open(folder.path("pipe"), OpenMode::kReadWrite), ErrorCode::kIoError);
  EXPECT_CODE(fs.map_read_only(folder.path("pipe")), ErrorCode::kIoError);
  EXPECT_CODE(fs.open("/dev/null", OpenMode::kReadWrite), ErrorCode::kIoError);
}

TEST(RealFileSystem, a_lock_ends_with_the_process_that_held_it) {
  const test::TempDirectory folder;
  RealFileSystem fs;
  int ready[2];
  int leave[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(leave), 0);
  const ::pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // Dies with the lock in its hands, without running a destructor.
    RealFileSystem own;
    const auto lock = own.lock_directory(folder.path());
    const char answer = lock.ok() ? 'y' : 'n';
    char byte = 0;
    const bool told = ::write(ready[1], &answer, 1) == 1 && ::read(leave[0], &byte, 1) == 1;
    ::_exit(told ? 0 : 1);
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_CODE(fs.lock_directory(folder.path()), ErrorCode::kConflict);
  ASSERT_EQ(::write(leave[1], "x", 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_OK(fs.lock_directory(folder.path()));
  for (const int descriptor : {ready[0], ready[1], leave[0], leave[1]}) {
    ::close(descriptor);
  }
}

TEST(RealFileSystem, a_short_write_is_continued_until_the_system_says_why) {
  const test::TempDirectory folder;
  RealFileSystem fs;
  const auto file = fs.open(folder.path("a"), OpenMode::kCreateNew);
  ASSERT_OK(file);
  // With a limit on the size of files the system first takes what fits, then refuses the rest.
  struct ::rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct ::rlimit limited = before;
  limited.rlim_cur = 1000;
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limited), 0);
  const Status written = (*file)->write_at(0, test::bytes_of(std::string(1500, 'x')));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_CODE(written, ErrorCode::kIoError);
  EXPECT_NE(written.message().find("File too large"), std::string::npos) << written.message();
  EXPECT_EQ(test::read_text(**file), std::string(1000, 'x'));
}

TEST(RealFileSystem, opened_files_are_not_inherited_by_programs_started_later) {
  const test::TempDirectory folder;
  const auto descriptor = posix::open_descriptor(folder.path("a"), O_RDWR | O_CREAT);
  ASSERT_OK(descriptor);
  EXPECT_NE(::fcntl(descriptor->number(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(RealFileSystem, maps_errnos_to_codes_and_says_what_failed_where) {
  EXPECT_CODE(posix::error_of(ENOSPC, "cannot write", "a"), ErrorCode::kDiskFull);
  EXPECT_CODE(posix::error_of(EDQUOT, "cannot write", "a"), ErrorCode::kDiskFull);
  EXPECT_CODE(posix::error_of(ENOENT, "cannot open", "a"), ErrorCode::kNotFound);
  EXPECT_CODE(posix::error_of(EEXIST, "cannot open", "a"), ErrorCode::kAlreadyExists);
  EXPECT_CODE(posix::error_of(EIO, "cannot sync", "a"), ErrorCode::kIoError);
  EXPECT_EQ(posix::error_of(EIO, "cannot sync", "a.vdb").message(), "cannot sync a.vdb: Input/output error");
}

TEST(RealFileSystem, a_descriptor_is_closed_once_and_moves) {
  const test::TempDirectory folder;
  int number = -1;
  {
    auto opened = posix::open_descriptor(folder.path("a"), O_RDWR | O_CREAT);
    ASSERT_OK(opened);
    posix::Descriptor first = std::move(*opened);
    number = first.number();
    posix::Descriptor second;
    second = std::move(first);
    EXPECT_EQ(second.number(), number);
  }
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(ResolvePath, follows_links_that_the_operator_chose) {
  const test::TempDirectory folder;
  RealFileSystem fs;
  const std::string real_folder = std::filesystem::canonical(folder.path());
  test::write_text(fs, folder.path("file"), "x");
  std::filesystem::create_symlink(folder.path("file"), folder.path("link"));
  EXPECT_EQ(resolve_path(folder.path("link")).value(), real_folder + "/file");
  EXPECT_EQ(resolve_path(folder.path("new")).value(), real_folder + "/new");
  EXPECT_EQ(resolve_path(folder.path("new/")).value(), real_folder + "/new");
  EXPECT_EQ(resolve_path("/").value(), "/");
  EXPECT_CODE(resolve_path(folder.path("no/new")), ErrorCode::kNotFound);
  EXPECT_CODE(resolve_path(folder.path("no/..")), ErrorCode::kNotFound);
  EXPECT_CODE(resolve_path(""), ErrorCode::kInvalidArgument);
  EXPECT_CODE(resolve_path(std::string("a\0b", 3)), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace vibrato::io
