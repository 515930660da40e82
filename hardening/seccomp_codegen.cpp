#include "hardening/seccomp_codegen.hpp"

#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>

namespace nucleus::hardening {
namespace {

constexpr std::size_t kMaxShortJump = std::numeric_limits<std::uint8_t>::max();
constexpr std::uint32_t kAllBits = std::numeric_limits<std::uint32_t>::max();

constexpr std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
constexpr std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32U); }

// x86_64 is little endian: the low half of an argument comes first.
constexpr std::uint32_t low_offset(std::size_t arg) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + arg * sizeof(std::uint64_t));
}
constexpr std::uint32_t high_offset(std::size_t arg) { return low_offset(arg) + sizeof(std::uint32_t); }

sock_filter statement(unsigned code, std::uint32_t k) { return {static_cast<std::uint16_t>(code), 0, 0, k}; }

// Code of one rule while its length is not known: jumps name their target.
class RuleCode {
 public:
  // Where a comparison goes: on to the next instruction, past this condition, or past the whole rule.
  enum class To : std::uint8_t { next, holds, fails };

  void add(std::size_t arg, const Condition& condition) {
    const std::uint64_t value = condition.value;
    switch (condition.op) {
      case Compare::eq:
        masked(arg, std::numeric_limits<std::uint64_t>::max(), value);
        break;
      case Compare::masked_eq:
        masked(arg, value, condition.value_two & value);
        break;
      case Compare::ne:
        compare_high(arg, value, BPF_JEQ, To::next, To::holds);
        compare_low(arg, value, BPF_JEQ, To::fails, To::holds);
        break;
      case Compare::ge:
        ordered(arg, value, BPF_JGE, To::holds, To::fails);
        break;
      case Compare::gt:
        ordered(arg, value, BPF_JGT, To::holds, To::fails);
        break;
      case Compare::lt:
        ordered(arg, value, BPF_JGE, To::fails, To::holds);
        break;
      case Compare::le:
        ordered(arg, value, BPF_JGT, To::fails, To::holds);
        break;
    }
    condition_done();
  }

  // A rule is at most 6 conditions of 5 instructions, so every jump is short.
  Code finish(Verdict verdict) && {
    code_.push_back(give(verdict));
    for (const Pending& jump : fails_) {
      patch(jump, code_.size());
    }
    return std::move(code_);
  }

 private:
  struct Pending {
    std::size_t at;
    bool on_true;
  };

  void patch(const Pending& jump, std::size_t target) {
    const auto distance = static_cast<std::uint8_t>(target - jump.at - 1);
    (jump.on_true ? code_[jump.at].jt : code_[jump.at].jf) = distance;
  }

  void branch(unsigned op, std::uint32_t value, To on_true, To on_false) {
    code_.push_back(statement(BPF_JMP | op | BPF_K, value));
    for (const bool side : {true, false}) {
      const To target = side ? on_true : on_false;
      if (target != To::next) {
        (target == To::holds ? holds_ : fails_).push_back({code_.size() - 1, side});
      }
    }
  }

  void compare_high(std::size_t arg, std::uint64_t value, unsigned op, To on_true, To on_false) {
    code_.push_back(load_word(high_offset(arg)));
    branch(op, high(value), on_true, on_false);
  }

  void compare_low(std::size_t arg, std::uint64_t value, unsigned op, To on_true, To on_false) {
    code_.push_back(load_word(low_offset(arg)));
    branch(op, low(value), on_true, on_false);
  }

  void masked_half(std::uint32_t offset, std::uint32_t mask, std::uint32_t bits) {
    if (mask == 0) {
      return;
    }
    code_.push_back(load_word(offset));
    if (mask != kAllBits) {
      code_.push_back(statement(BPF_ALU | BPF_AND | BPF_K, mask));
    }
    branch(BPF_JEQ, bits, To::next, To::fails);
  }

  void masked(std::size_t arg, std::uint64_t mask, std::uint64_t bits) {
    masked_half(high_offset(arg), high(mask), high(bits));
    masked_half(low_offset(arg), low(mask), low(bits));
  }

  // arg OP value, where OP is >= or >: the high halves decide unless they are equal.
  void ordered(std::size_t arg, std::uint64_t value, unsigned op, To above, To below) {
    compare_high(arg, value, BPF_JGT, above, To::next);
    branch(BPF_JEQ, high(value), To::next, below);
    compare_low(arg, value, op, above, below);
  }

  void condition_done() {
    for (const Pending& jump : holds_) {
      patch(jump, code_.size());
    }
    holds_.clear();
  }

  Code code_;
  std::vector<Pending> holds_;
  std::vector<Pending> fails_;
};

// The 32-bit value of an argument that alone decides a rule, as in ioctl's request or prctl's option.
struct WordTest {
  std::size_t arg;
  std::uint32_t value;
};

std::optional<WordTest> word_test(const SyscallRule& rule) {
  std::optional<WordTest> test;
  for (std::size_t arg = 0; arg < kSyscallArgs; ++arg) {
    if (rule.conditions[arg].everything()) {
      continue;
    }
    const auto condition = rule.conditions[arg].condition();
    if (test || !condition || condition->op != Compare::masked_eq || condition->value != kAllBits) {
      return std::nullopt;
    }
    test = WordTest{arg, low(condition->value_two)};
  }
  return test;
}

// Verdicts by the value of one word, if all the rules are tests of that word.
std::optional<Code> word_switch(std::span<const SyscallRule> rules, Verdict fallback) {
  std::map<std::uint32_t, Verdict> verdicts;
  std::optional<std::size_t> arg;
  for (const SyscallRule& rule : rules) {
    const auto test = word_test(rule);
    if (!test || (arg && *arg != test->arg)) {
      return std::nullopt;
    }
    arg = test->arg;
    verdicts.try_emplace(test->value, rule.verdict);  // the first rule that holds decides
  }
  std::vector<Segment> segments;
  Verdict last = fallback;
  std::uint64_t covered = 0;  // values below have a segment
  const auto extend = [&](std::uint64_t first, Verdict verdict) {
    if (segments.empty() || verdict != last) {
      segments.push_back({low(first), {give(verdict)}});
    }
    last = verdict;
  };
  for (const auto& [value, verdict] : verdicts) {
    if (value > covered) {
      extend(covered, fallback);
    }
    extend(value, verdict);
    covered = std::uint64_t{value} + 1;
  }
  if (covered <= kAllBits) {
    extend(covered, fallback);
  }
  Code code = {load_word(low_offset(arg.value_or(0)))};
  const Code tree = search(segments);
  code.insert(code.end(), tree.begin(), tree.end());
  return code;
}

}  // namespace

sock_filter load_word(std::uint32_t offset) { return statement(BPF_LD | BPF_W | BPF_ABS, offset); }

sock_filter give(Verdict verdict) { return statement(BPF_RET | BPF_K, to_kernel(verdict)); }

Code search(std::span<const Segment> segments) {
  if (segments.size() == 1) {
    return segments.front().code;
  }
  const std::size_t middle = segments.size() / 2;
  const Code below = search(segments.first(middle));
  const Code above = search(segments.subspan(middle));
  sock_filter test = statement(BPF_JMP | BPF_JGE | BPF_K, segments[middle].first);
  Code code;
  code.reserve(below.size() + above.size() + 2);
  if (below.size() <= kMaxShortJump) {
    test.jt = static_cast<std::uint8_t>(below.size());
    code.push_back(test);
  } else {
    test.jf = 1;  // over the long jump
    code.push_back(test);
    code.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(below.size())));
  }
  code.insert(code.end(), below.begin(), below.end());
  code.insert(code.end(), above.begin(), above.end());
  return code;
}

Code argument_rules(std::span<const SyscallRule> rules, Verdict fallback) {
  if (rules.size() > 1) {
    if (auto code = word_switch(rules, fallback)) {
      return std::move(*code);
    }
  }
  Code code;
  for (const SyscallRule& rule : rules) {
    RuleCode one;
    for (std::size_t arg = 0; arg < kSyscallArgs; ++arg) {
      if (const auto condition = rule.conditions[arg].condition()) {
        one.add(arg, *condition);
      }
    }
    const Code piece = std::move(one).finish(rule.verdict);
    code.insert(code.end(), piece.begin(), piece.end());
    if (unconditional(rule.conditions)) {
      return code;
    }
  }
  code.push_back(give(fallback));
  return code;
}

}  // namespace nucleus::hardening
