#include "runtime/sys/trusted_program.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "runtime/base/test_directory.hpp"

namespace nucleus::sys {
namespace {

TEST(TrustedProgram, OfTheSystem) { EXPECT_TRUE(open_trusted_program("/bin/sh").has_value()); }

TEST(TrustedProgram, MissingIsToldFromBad) {
  EXPECT_EQ(open_trusted_program("/nowhere/criu").error().sys_errno, ENOENT);
  EXPECT_EQ(open_trusted_program("/").error().sys_errno, 0);
}

TEST(TrustedProgram, WritableByOthersOrNotExecutable) {
  const test::TestDirectory directory;
  const std::string path = directory.at("program");
  std::ofstream(path) << "x";
  for (const mode_t mode : {0775U, 0757U, 0644U}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_EQ(open_trusted_program(path).error().code, ErrorCode::kernel) << std::oct << mode;
  }
  if (::geteuid() == 0) {
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
    EXPECT_TRUE(open_trusted_program(path).has_value());
    ASSERT_EQ(::chown(path.c_str(), 1000, 0), 0);
    EXPECT_EQ(open_trusted_program(path).error().code, ErrorCode::kernel);
  }
}

}  // namespace
}  // namespace nucleus::sys
