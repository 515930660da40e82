// Pieces of classic BPF that decide: a search over intervals, and a list of argument rules. Every piece ends in
// returns, so pieces can be put one after the other without labels.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

#include "hardening/seccomp_table.hpp"

namespace nucleus::hardening {

using Code = std::vector<sock_filter>;

// The accumulator's values from `first` up to the next segment's first are decided by `code`.
struct Segment {
  std::uint32_t first = 0;
  Code code;
};

[[nodiscard]] sock_filter load_word(std::uint32_t offset);
[[nodiscard]] sock_filter give(Verdict verdict);

// Binary search over the accumulator. `segments` are sorted, not empty, and the first starts at or below any value.
[[nodiscard]] Code search(std::span<const Segment> segments);

// The first rule that holds, else `fallback`. Every set in `rules` must be one condition.
[[nodiscard]] Code argument_rules(std::span<const SyscallRule> rules, Verdict fallback);

}  // namespace nucleus::hardening
