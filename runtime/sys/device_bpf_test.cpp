#include "runtime/sys/device_bpf.hpp"

#include <gtest/gtest.h>

#include <array>

namespace nucleus::sys {
namespace {

constexpr std::uint32_t kChar = BPF_DEVCG_DEV_CHAR;
constexpr std::uint32_t kBlock = BPF_DEVCG_DEV_BLOCK;
constexpr std::uint32_t kMknod = BPF_DEVCG_ACC_MKNOD;
constexpr std::uint32_t kRead = BPF_DEVCG_ACC_READ;
constexpr std::uint32_t kWrite = BPF_DEVCG_ACC_WRITE;

// Interprets the few instructions the generator uses, as the kernel would (Documentation/bpf/instruction-set.rst).
bool run(const std::vector<bpf_insn>& program, std::uint32_t type, std::uint32_t access, std::uint32_t major,
         std::uint32_t minor) {
  const std::array<std::uint32_t, 3> context = {access << 16 | type, major, minor};
  std::array<std::uint32_t, 11> reg{};
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const bpf_insn& insn = program[pc];
    const auto imm = static_cast<std::uint32_t>(insn.imm);
    auto& target = reg.at(insn.dst_reg);
    bool jump = false;
    switch (insn.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        EXPECT_EQ(insn.src_reg, 1);
        target = context.at(static_cast<std::size_t>(insn.off) / 4);
        break;
      case BPF_ALU | BPF_MOV | BPF_X:
        target = reg.at(insn.src_reg);
        break;
      case BPF_ALU | BPF_MOV | BPF_K:
        target = imm;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        target &= imm;
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        target >>= imm;
        break;
      case BPF_JMP32 | BPF_JNE | BPF_K:
        jump = target != imm;
        break;
      case BPF_JMP32 | BPF_JSET | BPF_K:
        jump = (target & imm) != 0;
        break;
      case BPF_JMP | BPF_JA:
        jump = true;
        break;
      case BPF_JMP | BPF_EXIT:
        return reg[0] != 0;
      default:
        ADD_FAILURE() << "instruction " << int{insn.code};
        return false;
    }
    pc += jump ? static_cast<std::size_t>(insn.off) : 0;
  }
  ADD_FAILURE() << "ran off the end";
  return false;
}

const DeviceRule kDenyAll{false, 'a', {}, {}, "rwm"};

TEST(DeviceProgram, EmptyRulesDeny) { EXPECT_FALSE(run(device_program({}), kChar, kRead, 1, 3)); }

TEST(DeviceProgram, ExactBytesOfOneRule) {
  const std::vector<DeviceRule> rules = {{true, 'c', 1, 3, "rw"}};
  const auto program = device_program(rules);
  ASSERT_EQ(program.size(), 6U + 3 + 4 + 2);
  EXPECT_EQ(program[0].code, BPF_LDX | BPF_MEM | BPF_W);
  EXPECT_EQ(program[6].code, BPF_JMP32 | BPF_JNE | BPF_K);
  EXPECT_EQ(program[6].imm, BPF_DEVCG_DEV_CHAR);
  EXPECT_EQ(program[6].off, 6);  // over the two other tests and the body
  EXPECT_EQ(program[8].off, 4);
  EXPECT_EQ(program[9].imm, ~(BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE));
}

TEST(DeviceProgram, LaterRulesWin) {
  const std::vector<DeviceRule> rules = {kDenyAll, {true, 'c', 1, {}, "rwm"}, {false, 'c', 1, 5, "w"}};
  const auto program = device_program(rules);
  EXPECT_TRUE(run(program, kChar, kRead | kWrite, 1, 3));
  EXPECT_TRUE(run(program, kChar, kRead, 1, 5));
  EXPECT_FALSE(run(program, kChar, kWrite, 1, 5));
  EXPECT_FALSE(run(program, kBlock, kRead, 1, 3));
  EXPECT_FALSE(run(program, kChar, kRead, 2, 3));
}

TEST(DeviceProgram, DenyOfOneBitStopsACombinedRequest) {
  const std::vector<DeviceRule> rules = {{true, 'c', 1, 3, "rwm"}, {false, 'c', 1, 3, "w"}};
  const auto program = device_program(rules);
  EXPECT_FALSE(run(program, kChar, kRead | kWrite, 1, 3));
  EXPECT_TRUE(run(program, kChar, kRead | kMknod, 1, 3));
}

TEST(DeviceProgram, BitsMayComeFromSeveralRules) {
  const std::vector<DeviceRule> rules = {{true, 'c', 1, 3, "r"}, {true, 'a', {}, {}, "m"}, {true, 'c', 1, {}, "w"}};
  const auto program = device_program(rules);
  EXPECT_TRUE(run(program, kChar, kRead | kWrite | kMknod, 1, 3));
  EXPECT_FALSE(run(program, kChar, kRead | kWrite, 1, 4));
  EXPECT_TRUE(run(program, kBlock, kMknod, 8, 0));
}

TEST(DeviceProgram, NumbersBeyondThirtyOneBitsCompareExactly) {
  const std::vector<DeviceRule> rules = {{true, 'c', 0xFFFFFFFF, 0, "r"}};
  EXPECT_TRUE(run(device_program(rules), kChar, kRead, 0xFFFFFFFF, 0));
  EXPECT_FALSE(run(device_program(rules), kChar, kRead, 0, 0));
}

TEST(DeviceRule, LineOfTheV1Controller) {
  EXPECT_EQ(format_device_rule({true, 'c', 1, 3, "rm"}), "c 1:3 rm");
  EXPECT_EQ(format_device_rule(kDenyAll), "a *:* rwm");
}

}  // namespace
}  // namespace nucleus::sys
