#include "app/loopback.hpp"

#include <gtest/gtest.h>

namespace vibrato::app {
namespace {

TEST(Loopback, only_addresses_of_this_machine_count) {
  for (const char* host : {"localhost", "127.0.0.1", "127.255.0.9", "::1"}) EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "127.0.0.1.example.com", "localhost.example.com",
                           "", "fe80::1", "::ffff:10.0.0.1", "127.1"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(Loopback, hosts_are_addresses_and_not_names) {
  for (const char* host : {"localhost", "0.0.0.0", "10.1.2.3", "::", "::1", "fe80::1%eth0"}) {
    EXPECT_TRUE(is_host_address(host)) << host;
  }
  for (const char* host : {"", "example.com", "127.1", "256.0.0.1", "1.2.3.4:80", "[::1]", "http://127.0.0.1"}) {
    EXPECT_FALSE(is_host_address(host)) << host;
  }
}

}  // namespace
}  // namespace vibrato::app
