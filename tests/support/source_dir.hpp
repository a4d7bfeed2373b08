// Where the sources are that the tests were built from: documents and data that tests read. Anyone may call it.
#pragma once

#include <string>

namespace vibrato::test {

// Absolute, without a slash at its end.
[[nodiscard]] std::string source_dir();

}  // namespace vibrato::test
