// Whether a listening address is reachable from this machine only.
#pragma once

#include <string>

namespace vibrato::app {

// True for "localhost", 127.0.0.0/8 and ::1; false for everything else, what is no address included.
[[nodiscard]] bool is_loopback(const std::string& host);

// True for what a server can listen on: an IP address, with or without a zone, and "localhost".
[[nodiscard]] bool is_host_address(const std::string& host);

}  // namespace vibrato::app
