// A property of a fuzz target: its violation is a crash that libFuzzer reports and minimises.
#pragma once

#include <cstdio>
#include <cstdlib>

#define REQUIRE(property)                                         \
  do {                                                            \
    if (!(property)) {                                            \
      std::fprintf(stderr, "property violated: %s\n", #property); \
      std::abort();                                               \
    }                                                             \
  } while (false)
