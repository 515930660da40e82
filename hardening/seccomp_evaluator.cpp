#include "hardening/seccomp_evaluator.hpp"

#include <cstring>

namespace nucleus::hardening {
namespace {

struct Machine {
  std::uint32_t accumulator = 0;
  std::uint32_t index = 0;
};

std::optional<std::uint32_t> load(const seccomp_data& data, std::uint32_t offset) {
  if (offset > sizeof(data) - sizeof(std::uint32_t) || offset % sizeof(std::uint32_t) != 0) {
    return std::nullopt;
  }
  std::uint32_t word = 0;
  std::memcpy(&word, reinterpret_cast<const char*>(&data) + offset, sizeof(word));
  return word;
}

bool compute(Machine& machine, const sock_filter& insn) {
  const std::uint32_t operand = BPF_SRC(insn.code) == BPF_X ? machine.index : insn.k;
  switch (BPF_OP(insn.code)) {
    case BPF_ADD:
      machine.accumulator += operand;
      return true;
    case BPF_SUB:
      machine.accumulator -= operand;
      return true;
    case BPF_AND:
      machine.accumulator &= operand;
      return true;
    case BPF_OR:
      machine.accumulator |= operand;
      return true;
    case BPF_XOR:
      machine.accumulator ^= operand;
      return true;
    case BPF_NEG:
      machine.accumulator = ~machine.accumulator + 1;
      return true;
    default:
      return false;
  }
}

// How many instructions to skip.
std::optional<std::uint32_t> jump(const Machine& machine, const sock_filter& insn) {
  const std::uint32_t operand = BPF_SRC(insn.code) == BPF_X ? machine.index : insn.k;
  switch (BPF_OP(insn.code)) {
    case BPF_JA:
      return insn.k;
    case BPF_JEQ:
      return machine.accumulator == operand ? insn.jt : insn.jf;
    case BPF_JGT:
      return machine.accumulator > operand ? insn.jt : insn.jf;
    case BPF_JGE:
      return machine.accumulator >= operand ? insn.jt : insn.jf;
    case BPF_JSET:
      return (machine.accumulator & operand) != 0 ? insn.jt : insn.jf;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::uint32_t> evaluate(std::span<const sock_filter> code, const seccomp_data& data) {
  Machine machine;
  for (std::size_t pc = 0; pc < code.size(); ++pc) {
    const sock_filter& insn = code[pc];
    switch (BPF_CLASS(insn.code)) {
      case BPF_LD: {
        const auto word = load(data, insn.k);
        if (insn.code != (BPF_LD | BPF_W | BPF_ABS) || !word) {
          return std::nullopt;
        }
        machine.accumulator = *word;
        break;
      }
      case BPF_ALU:
        if (!compute(machine, insn)) {
          return std::nullopt;
        }
        break;
      case BPF_JMP: {
        const auto skip = jump(machine, insn);
        if (!skip || *skip >= code.size() - pc) {
          return std::nullopt;
        }
        pc += *skip;
        break;
      }
      case BPF_MISC:
        (BPF_MISCOP(insn.code) == BPF_TAX ? machine.index : machine.accumulator) =
            BPF_MISCOP(insn.code) == BPF_TAX ? machine.accumulator : machine.index;
        break;
      case BPF_RET:
        return BPF_RVAL(insn.code) == BPF_A ? machine.accumulator : insn.k;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace nucleus::hardening
