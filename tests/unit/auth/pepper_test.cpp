// The pepper file: made once, private, never replaced, never taken for another; and what an operator may give instead.
#include "auth/pepper.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>

#include "io/faulty_file_system.hpp"
#include "io/real_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "support/file_contents.hpp"
#include "support/made_random_source.hpp"
#include "support/memory_key_store.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::auth {
namespace {

std::string text_of(const Pepper& pepper) {
  return test::text_of(pepper.key());
}

std::string made_text() {
  std::string text = "0123456789abcdef";
  return text + text + text + text;
}

// A file at /p of a new disk, with `content`, for its owner only.
Result<Pepper> load_from(const std::string& content) {
  io::SimulatedFileSystem fs;
  {
    const auto file = fs.open("/p", io::OpenMode::kCreateNewPrivate);
    EXPECT_OK(file);
    EXPECT_OK((*file)->write_at(0, test::bytes_of(content)));
  }
  return load_pepper(fs, "/p");
}

TEST(Pepper, made_once_and_loaded_from_then_on) {
  const test::TempDirectory folder;
  io::RealFileSystem fs;
  test::MadeRandomSource random;
  test::MemoryKeyStore store;
  const auto made = open_pepper(fs, random, folder.path("pepper"), store);
  ASSERT_OK(made);
  struct ::stat info {};
  ASSERT_EQ(::stat(folder.path("pepper").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_EQ(info.st_size, 65);
  const auto loaded = open_pepper(fs, random, folder.path("pepper"), store);
  ASSERT_OK(loaded);
  EXPECT_EQ(text_of(*loaded), text_of(*made));
  EXPECT_EQ(test::names_in(fs, folder.path()), "pepper");
}

TEST(Pepper, two_folders_have_different_ones) {
  io::SimulatedFileSystem fs;
  test::MadeRandomSource random;
  const auto first = create_pepper(fs, random, "/a");
  const auto second = create_pepper(fs, random, "/b");
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_NE(text_of(*first), text_of(*second));
}

TEST(Pepper, the_text_in_the_file_is_the_one_an_operator_would_give) {
  const auto loaded = load_from(made_text() + "\n");
  const auto given = Pepper::from_text(made_text());
  ASSERT_OK(loaded);
  ASSERT_OK(given);
  EXPECT_EQ(text_of(*loaded), text_of(*given));
  EXPECT_EQ(text_of(*loaded), made_text());
}

TEST(Pepper, a_file_of_another_length_or_alphabet_is_refused) {
  const std::string text = made_text();
  for (const std::string& content : {std::string(), std::string("\n"), text, text.substr(1) + "\n", text + "0\n",
                                     text + "\n\n", text + "\r", text.substr(1) + "\r\n", "G" + text.substr(1) + "\n",
                                     "A" + text.substr(1) + "\n", std::string(65, '\0'), std::string(5000, 'a')}) {
    const auto pepper = load_from(content);
    EXPECT_CODE(pepper, ErrorCode::kCorruption) << content;
    EXPECT_EQ(pepper.status().message().find("0123456789"), std::string::npos) << "it tells its content";
  }
}

TEST(Pepper, a_file_that_others_may_open_is_refused) {
  const test::TempDirectory folder;
  io::RealFileSystem fs;
  test::MadeRandomSource random;
  test::MemoryKeyStore store;
  const std::string path = folder.path("pepper");
  ASSERT_OK(create_pepper(fs, random, path));
  for (const ::mode_t mode : {0640U, 0604U, 0660U, 0644U}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_CODE(open_pepper(fs, random, path, store), ErrorCode::kForbidden) << mode;
  }
  ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  EXPECT_OK(open_pepper(fs, random, path, store));
}

TEST(Pepper, a_symbolic_link_is_refused_and_not_replaced) {
  const test::TempDirectory folder;
  io::RealFileSystem fs;
  test::MadeRandomSource random;
  test::MemoryKeyStore store;
  ASSERT_OK(create_pepper(fs, random, folder.path("elsewhere")));
  std::filesystem::create_symlink(folder.path("elsewhere"), folder.path("pepper"));
  std::filesystem::create_symlink(folder.path("nothing"), folder.path("dangling"));
  for (const char* name : {"pepper", "dangling"}) {
    EXPECT_CODE(open_pepper(fs, random, folder.path(name), store), ErrorCode::kIoError) << name;
    EXPECT_TRUE(std::filesystem::is_symlink(folder.path(name)));
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path("nothing")));
}

TEST(Pepper, is_not_made_anew_while_there_are_keys) {
  io::SimulatedFileSystem fs;
  test::MadeRandomSource random;
  test::MemoryKeyStore store;
  KeyRecord key;
  key.id = "vbk_1";
  ASSERT_OK(store.insert(key));
  EXPECT_CODE(open_pepper(fs, random, "/pepper", store), ErrorCode::kUnavailable);
  EXPECT_EQ(test::names_in(fs, "/"), "");
  store.fail_with(io_error("the catalog is gone"));
  EXPECT_CODE(open_pepper(fs, random, "/pepper", store), ErrorCode::kIoError);
  EXPECT_EQ(test::names_in(fs, "/"), "");
}

TEST(Pepper, is_not_made_without_random_bytes) {
  io::SimulatedFileSystem fs;
  test::MadeRandomSource random;
  random.fail_with(io_error("no random bytes"));
  EXPECT_CODE(create_pepper(fs, random, "/pepper"), ErrorCode::kIoError);
  EXPECT_EQ(test::names_in(fs, "/"), "");
}

TEST(Pepper, that_was_returned_outlives_a_power_loss_and_half_a_one_is_never_found) {
  test::MemoryKeyStore store;
  for (std::uint64_t cut = 0; cut <= 6; ++cut) {
    for (const io::CrashMode mode : io::kAllCrashModes) {
      for (std::uint64_t seed = 0; seed < 10; ++seed) {
        SCOPED_TRACE("cut " + std::to_string(cut) + ", mode " + std::to_string(static_cast<int>(mode)) + ", seed " +
                     std::to_string(seed));
        io::SimulatedFileSystem fs;
        test::MadeRandomSource random(seed);
        fs.cut_power_after(cut);
        const auto made = open_pepper(fs, random, "/pepper", store);
        fs.restart(mode, seed);
        const auto found = open_pepper(fs, random, "/pepper", store);
        ASSERT_OK(found);
        if (made.ok()) {
          EXPECT_EQ(text_of(*found), text_of(*made));
        }
      }
    }
  }
}

TEST(Pepper, a_failing_call_makes_none) {
  for (std::uint64_t failing = 0; failing < 6; ++failing) {
    io::SimulatedFileSystem disk;
    io::FaultyFileSystem fs(disk);
    test::MadeRandomSource random;
    test::MemoryKeyStore store;
    fs.add_rule({.fault = io::Fault::kIoError, .operation = failing});
    EXPECT_CODE(open_pepper(fs, random, "/pepper", store), ErrorCode::kIoError) << failing;
  }
}

TEST(Pepper, a_failing_call_loads_none) {
  for (std::uint64_t failing = 0; failing < 3; ++failing) {
    io::SimulatedFileSystem disk;
    io::FaultyFileSystem fs(disk);
    test::MadeRandomSource random;
    ASSERT_OK(create_pepper(disk, random, "/pepper"));
    fs.add_rule({.fault = io::Fault::kIoError, .operation = failing});
    EXPECT_CODE(load_pepper(fs, "/pepper"), ErrorCode::kIoError) << failing;
  }
}

TEST(Pepper, given_ones_have_bounds) {
  EXPECT_CODE(Pepper::from_text(std::string(Pepper::kBytesMin - 1, 'x')), ErrorCode::kInvalidArgument);
  EXPECT_OK(Pepper::from_text(std::string(Pepper::kBytesMin, 'x')));
  EXPECT_OK(Pepper::from_text(std::string(Pepper::kBytesMin + 1, 'x')));
  EXPECT_OK(Pepper::from_text(std::string(Pepper::kBytesMax - 1, 'x')));
  EXPECT_OK(Pepper::from_text(std::string(Pepper::kBytesMax, 'x')));
  EXPECT_CODE(Pepper::from_text(std::string(Pepper::kBytesMax + 1, 'x')), ErrorCode::kInvalidArgument);
  for (const char wrong : {' ', '\n', '\0', '\x7f', '\xe9'}) {
    std::string text(40, 'x');
    text.back() = wrong;
    const auto pepper = Pepper::from_text(text);
    EXPECT_CODE(pepper, ErrorCode::kInvalidArgument) << static_cast<int>(wrong);
    EXPECT_EQ(pepper.status().message().find("xxx"), std::string::npos) << "it tells its content";
  }
}

}  // namespace
}  // namespace vibrato::auth
