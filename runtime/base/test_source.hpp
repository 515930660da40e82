// Where the sources lie, for tests that read files of the repository. Defined in cmake/TestSource.cpp, the one object
// that differs between clones: the compiler cache serves all others.
#pragma once

#include <string>

namespace nucleus::test {

[[nodiscard]] std::string source_directory();

}  // namespace nucleus::test
