# One box of the architecture = one static library plus the tests that stand beside its sources.
include(GoogleTest)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(nucleus_options INTERFACE)
target_compile_options(nucleus_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -fvisibility=hidden
  -fstack-protector-strong -fno-strict-overflow
  # g++ 12 sees uninitialized std::string members in aggregate temporaries (GCC bug 105562); clang's analysis stays on.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
target_compile_definitions(nucleus_options INTERFACE
  $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2> NUCLEUS_VERSION="${PROJECT_VERSION}")
target_include_directories(nucleus_options INTERFACE ${PROJECT_SOURCE_DIR})
if(NUCLEUS_SANITIZE)
  # fuzzer-no-link: the fuzzers see the coverage of the code under test, not only of their own files.
  target_compile_options(nucleus_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined
                                                   -fno-sanitize-recover=all -fno-omit-frame-pointer
                                                   # Said by ASan or the compiler as well, and half of the build's time.
                                                   -fno-sanitize=null,vptr,object-size)
  target_link_options(nucleus_options INTERFACE -fsanitize=address,undefined)
endif()

add_library(nucleus_test_source OBJECT ${CMAKE_CURRENT_LIST_DIR}/TestSource.cpp)
target_link_libraries(nucleus_test_source PRIVATE nucleus_options)
target_compile_definitions(nucleus_test_source PRIVATE NUCLEUS_SOURCE_DIR="${PROJECT_SOURCE_DIR}")

# Adds tests from FILES to ctest under one LABEL; each TEST() is a ctest test of its own.
function(nucleus_test_program name label)
  add_executable(${name} ${ARGN} $<TARGET_OBJECTS:nucleus_test_source>)
  target_link_libraries(${name} PRIVATE nucleus_options GTest::gtest GTest::gmock GTest::gtest_main)
  # What is tested is optimised or instrumented, the tests are not: that would be most of the build's time.
  target_compile_options(${name} PRIVATE -O0 -U_FORTIFY_SOURCE)
  if(NUCLEUS_SANITIZE)
    target_compile_options(${name} PRIVATE -fno-sanitize=all)
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS ${label} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
endfunction()

# nucleus_box(NAME [DEPENDS lib...] [PRIVATE third-party...])
# Every *.cpp here and in DIRS belongs to the library, x_test.cpp to its unit tests, x_kernel_test.cpp to the kernel lane.
function(nucleus_box name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;PRIVATE;DIRS" ${ARGN})
  set(globs *.cpp)
  foreach(dir ${ARG_DIRS})
    list(APPEND globs ${dir}/*.cpp)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${globs})
  set(kernel_tests ${sources})
  list(FILTER kernel_tests INCLUDE REGEX "_kernel_test\\.cpp$")
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests EXCLUDE REGEX "_kernel_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  add_library(nucleus_${name} STATIC ${sources})
  target_link_libraries(nucleus_${name} PUBLIC nucleus_options ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE})
  if(tests)
    nucleus_test_program(${name}_test unit ${tests})
    target_link_libraries(${name}_test PRIVATE nucleus_${name} ${ARG_PRIVATE})
  endif()
  if(kernel_tests)
    nucleus_test_program(${name}_kernel_test kernel ${kernel_tests})
    target_link_libraries(${name}_kernel_test PRIVATE nucleus_${name} ${ARG_PRIVATE})
  endif()
endfunction()
