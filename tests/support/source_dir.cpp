#include "support/source_dir.hpp"

namespace vibrato::test {

std::string source_dir() {
  return VIBRATO_SOURCE_DIR;
}

}  // namespace vibrato::test
