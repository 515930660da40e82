// Sets of values of system call arguments, closed under what intersecting two profiles needs.
//
// A seccomp condition compares one 64-bit argument, unsigned, with a constant (seccomp_rule_add(3)); SCMP_CMP_MASKED_EQ
// has the mask in `value` and the datum in `value_two`, and bits of the datum outside of the mask do not count.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace nucleus::hardening {

inline constexpr std::size_t kSyscallArgs = 6;

enum class Compare : std::uint8_t { ne, lt, le, eq, ge, gt, masked_eq };

struct Condition {
  Compare op = Compare::eq;
  std::uint64_t value = 0;      // the mask for masked_eq
  std::uint64_t value_two = 0;  // the datum for masked_eq, else 0
  auto operator<=>(const Condition&) const = default;
};

// Values x with lo <= x <= hi, (x & mask) == bits, and x not in `holes`. Always in normal form, so that two objects
// made of the same simple conditions are equal.
class ArgSet {
 public:
  ArgSet() = default;  // everything
  explicit ArgSet(const Condition& condition);

  [[nodiscard]] bool empty() const { return lo_ > hi_; }
  [[nodiscard]] bool everything() const {
    return lo_ == 0 && hi_ == std::numeric_limits<std::uint64_t>::max() && mask_ == 0 && holes_.empty();
  }
  [[nodiscard]] bool contains(std::uint64_t value) const;
  [[nodiscard]] ArgSet operator&(const ArgSet& other) const;
  // True only if no value is in both; cheap, and false may also mean "cannot tell".
  [[nodiscard]] bool apart_from(const ArgSet& other) const {
    return lo_ > other.hi_ || hi_ < other.lo_ || (mask_ & other.mask_ & (bits_ ^ other.bits_)) != 0;
  }
  // True only if every value of this is in `other`; false may also mean "cannot tell".
  [[nodiscard]] bool subset_of(const ArgSet& other) const;
  // Sets whose union is the complement.
  [[nodiscard]] std::vector<ArgSet> complement() const;
  // The one condition that says the same, or nullopt where OCI has none. Not for `everything` and `empty`.
  [[nodiscard]] std::optional<Condition> condition() const;

  auto operator<=>(const ArgSet&) const = default;

 private:
  void normalize();
  void shrink_to_mask();
  void trim_holes();

  std::uint64_t lo_ = 0;
  std::uint64_t hi_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t mask_ = 0;
  std::uint64_t bits_ = 0;
  std::vector<std::uint64_t> holes_;
};

// One set per argument; a call matches when each argument is in its set.
using ArgSets = std::array<ArgSet, kSyscallArgs>;

[[nodiscard]] bool empty(const ArgSets& sets);          // no call matches
[[nodiscard]] bool unconditional(const ArgSets& sets);  // every call matches
[[nodiscard]] bool expressible(const ArgSets& sets);    // at most one condition per argument
[[nodiscard]] bool subset_of(const ArgSets& inner, const ArgSets& outer);
[[nodiscard]] ArgSets operator&(const ArgSets& a, const ArgSets& b);
// As ArgSet::apart_from: some argument has no value in common.
[[nodiscard]] bool apart(const ArgSets& a, const ArgSets& b);
// `a` without `b`, as a union; empty ones are left out.
[[nodiscard]] std::vector<ArgSets> subtract(const ArgSets& a, const ArgSets& b);

}  // namespace nucleus::hardening
