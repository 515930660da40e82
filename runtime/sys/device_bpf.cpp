#include "runtime/sys/device_bpf.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {
namespace {

// Registers of the program. The context is struct bpf_cgroup_dev_ctx.
enum Register : std::uint8_t { kVerdict = 0, kContext = 1, kType = 2, kAccess = 3, kMajor = 4, kMinor = 5 };

bpf_insn instruction(unsigned code, std::uint8_t destination, std::uint8_t source, std::int16_t offset,
                     std::int32_t immediate) {
  bpf_insn result{};
  result.code = static_cast<std::uint8_t>(code);
  result.dst_reg = destination & 0xF;
  result.src_reg = source & 0xF;
  result.off = offset;
  result.imm = immediate;
  return result;
}

bpf_insn load_word(Register to, std::int16_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, to, kContext, offset, 0);
}
bpf_insn compute(unsigned operation, Register target, std::int32_t value) {
  return instruction(BPF_ALU | operation | BPF_K, target, 0, 0, value);
}
// Skips `offset` instructions when `target` compares so with `value` (32 bits).
bpf_insn jump_if(unsigned comparison, Register target, std::int32_t value, std::int16_t offset) {
  return instruction(BPF_JMP32 | comparison | BPF_K, target, 0, offset, value);
}
bpf_insn leave() { return instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

std::int32_t access_bits(const std::string& access) {
  std::int32_t bits = 0;
  for (const char c : access) {
    bits |= c == 'r' ? BPF_DEVCG_ACC_READ : c == 'w' ? BPF_DEVCG_ACC_WRITE : c == 'm' ? BPF_DEVCG_ACC_MKNOD : 0;
  }
  return bits;
}

// Allow: takes the granted bits out of kAccess and allows when none is left. Deny: denies when one of the bits is
// still in kAccess.
std::vector<bpf_insn> rule_body(const DeviceRule& rule) {
  const std::int32_t bits = access_bits(rule.access);
  if (rule.allow) {
    return {compute(BPF_AND, kAccess, ~bits), jump_if(BPF_JNE, kAccess, 0, 2), compute(BPF_MOV, kVerdict, 1), leave()};
  }
  return {jump_if(BPF_JSET, kAccess, bits, 1), instruction(BPF_JMP | BPF_JA, 0, 0, 2, 0), compute(BPF_MOV, kVerdict, 0),
          leave()};
}

void append_rule(std::vector<bpf_insn>& program, const DeviceRule& rule) {
  struct Test {
    Register target;
    std::int32_t value;
  };
  std::vector<Test> tests;
  if (rule.type != 'a') {
    tests.push_back({kType, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR});
  }
  if (rule.major) {
    tests.push_back({kMajor, static_cast<std::int32_t>(*rule.major)});
  }
  if (rule.minor) {
    tests.push_back({kMinor, static_cast<std::int32_t>(*rule.minor)});
  }
  const auto body = rule_body(rule);
  for (std::size_t i = 0; i < tests.size(); ++i) {
    const std::size_t to_next_rule = tests.size() - i - 1 + body.size();
    program.push_back(jump_if(BPF_JNE, tests[i].target, tests[i].value, static_cast<std::int16_t>(to_next_rule)));
  }
  program.insert(program.end(), body.begin(), body.end());
}

long bpf(int command, bpf_attr& attributes) { return ::syscall(SYS_bpf, command, &attributes, sizeof(attributes)); }

std::uint64_t address(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

Result<UniqueFd> load(std::span<const bpf_insn> program) {
  static constexpr char kLicense[] = "Apache-2.0";
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = address(program.data());
  attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
  attributes.license = address(kLicense);
  UniqueFd fd(static_cast<int>(bpf(BPF_PROG_LOAD, attributes)));
  if (!fd) {
    return fail_errno("load device program");
  }
  return fd;
}

Result<std::vector<std::uint32_t>> attached_programs(int cgroup_dir) {
  constexpr std::size_t kMax = 64;  // BPF_CGROUP_MAX_PROGS
  std::vector<std::uint32_t> ids(kMax);
  bpf_attr attributes{};
  attributes.query.target_fd = static_cast<std::uint32_t>(cgroup_dir);
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = address(ids.data());
  attributes.query.prog_cnt = kMax;
  if (bpf(BPF_PROG_QUERY, attributes) != 0) {
    return fail_errno("query device programs");
  }
  ids.resize(attributes.query.prog_cnt);
  return ids;
}

Status attach_or_detach(int command, int cgroup_dir, int program) {
  bpf_attr attributes{};
  attributes.target_fd = static_cast<std::uint32_t>(cgroup_dir);
  attributes.attach_bpf_fd = static_cast<std::uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = command == BPF_PROG_ATTACH ? BPF_F_ALLOW_MULTI : 0;
  if (bpf(command, attributes) != 0) {
    return fail_errno(command == BPF_PROG_ATTACH ? "attach device program" : "detach device program");
  }
  return {};
}

Status detach_id(int cgroup_dir, std::uint32_t id) {
  bpf_attr attributes{};
  attributes.prog_id = id;
  const UniqueFd fd(static_cast<int>(bpf(BPF_PROG_GET_FD_BY_ID, attributes)));
  if (!fd) {
    return errno == ENOENT ? Status{} : fail_errno("open device program");
  }
  return attach_or_detach(BPF_PROG_DETACH, cgroup_dir, fd.get());
}

}  // namespace

std::string format_device_rule(const DeviceRule& rule) {
  const auto number = [](const std::optional<std::uint32_t>& value) { return value ? std::to_string(*value) : "*"; };
  return std::string(1, rule.type) + ' ' + number(rule.major) + ':' + number(rule.minor) + ' ' + rule.access;
}

std::vector<bpf_insn> device_program(std::span<const DeviceRule> rules) {
  std::vector<bpf_insn> program = {
      load_word(kType, 0),  // access_type: access << 16 | type
      instruction(BPF_ALU | BPF_MOV | BPF_X, kAccess, kType, 0, 0),
      compute(BPF_AND, kType, 0xFFFF),
      compute(BPF_RSH, kAccess, 16),
      load_word(kMajor, 4),
      load_word(kMinor, 8),
  };
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    append_rule(program, *rule);
  }
  program.push_back(compute(BPF_MOV, kVerdict, 0));
  program.push_back(leave());
  return program;
}

Status attach_device_program(int cgroup_dir, std::span<const bpf_insn> program) {
  TRY_ASSIGN(const UniqueFd fd, load(program));
  TRY_ASSIGN(const std::vector<std::uint32_t> before, attached_programs(cgroup_dir));
  TRY(attach_or_detach(BPF_PROG_ATTACH, cgroup_dir, fd.get()));
  for (const std::uint32_t id : before) {
    TRY(detach_id(cgroup_dir, id));
  }
  return {};
}

}  // namespace nucleus::sys
