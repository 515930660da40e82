// The records of a watcher, in memory that two processes share.
#pragma once

#include <linux/seccomp.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "hardening/trace_record.hpp"

namespace nucleus::watcher {

// A call with what was decided about it.
struct Sighting {
  hardening::TraceCall call;
  hardening::TraceVerdict verdict = hardening::TraceVerdict::allowed;
  std::uint16_t sys_errno = 0;
  bool operator==(const Sighting&) const = default;
};

// Trivial, zero is empty. One process at a time writes; it may be killed between any two instructions, and then a call
// that was being noted may be noted twice or not at all, and nothing else is wrong.
class Records {
 public:
  // The call with its arguments generalised; a number that no kernel has becomes the highest.
  [[nodiscard]] static hardening::TraceCall known(const seccomp_data& data);
  // Whether a name is wanted for note(): at the first sighting, and whenever the count doubles.
  [[nodiscard]] bool wants_name(const Sighting& sighting) const;
  // `name` may be "": keep what there is.
  void note(const Sighting& sighting, std::string_view name);

  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }
  [[nodiscard]] std::string text() const;  // the lines between a trace's first and last

 private:
  static constexpr std::size_t kNameLength = 16;  // TASK_COMM_LEN
  static constexpr std::size_t kNumbers = 1024;   // beyond all that the kernel has; what is higher counts as the last
  static constexpr std::uint16_t kMostOfOne = 256;
  static constexpr std::size_t kBuckets = 2 * hardening::kTraceRecords;

  struct Slot {
    Sighting sighting;
    std::uint64_t count;
    std::array<char, kNameLength> first;
    std::array<char, kNameLength> last;
  };

  [[nodiscard]] std::uint16_t* bucket_of(const Sighting& sighting);
  [[nodiscard]] const Slot* find(const Sighting& sighting) const;

  std::uint64_t lost_;
  std::uint64_t changes_;
  std::uint32_t used_;
  std::array<std::uint16_t, kNumbers> different_;  // records of each number: none can crowd out the others
  std::array<std::uint16_t, kBuckets> index_;      // number of the slot, from 1
  std::array<Slot, hardening::kTraceRecords> slots_;
};

// All that the two share.
struct Shared {
  seccomp_notif call;      // as the kernel gave it: whoever takes over answers it first
  std::uint64_t begun;     // milliseconds, CLOCK_BOOTTIME
  std::uint32_t executed;  // the launch is over
  Records records;
};

}  // namespace nucleus::watcher
