#include "runtime/base/test_source.hpp"

namespace nucleus::test {

std::string source_directory() { return NUCLEUS_SOURCE_DIR; }

}  // namespace nucleus::test
