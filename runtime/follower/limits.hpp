// How much a container may ask of its follower. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <string>
#include <utility>

#include "runtime/follower/bindings.hpp"

namespace nucleus::follower {

inline constexpr std::size_t kRefusedNamesKept = 32;
inline constexpr Millis kRepeatAfter = 60 * 1000;

// So many at once, and so many a second.
class Budget {
 public:
  Budget(std::uint32_t burst, std::uint32_t per_second)
      : burst_(burst), per_second_(per_second), level_(burst * 1000U) {}

  [[nodiscard]] bool take(Millis now) {
    const Millis passed = std::min<Millis>(now - std::min(now, last_), 1000);
    level_ = std::min<std::uint64_t>(level_ + passed * per_second_, std::uint64_t{burst_} * 1000);
    last_ = std::max(now, last_);
    if (level_ < 1000) {
      return false;
    }
    level_ -= 1000;
    return true;
  }

 private:
  std::uint64_t burst_;
  std::uint64_t per_second_;
  std::uint64_t level_;  // thousandths
  Millis last_ = 0;
};

// The refused names of late, so that a name that is asked for again and again is said once a minute.
class RefusedNames {
 public:
  // How often it was refused since it was last said, this time included; 0: not worth saying again.
  [[nodiscard]] std::uint64_t note(const std::string& name, Millis now) {
    const auto known = std::find_if(names_.begin(), names_.end(), [&](const Refused& one) { return one.name == name; });
    if (known == names_.end()) {
      names_.push_front({name, now, 0});
      if (names_.size() > kRefusedNamesKept) {
        names_.pop_back();
      }
      return 1;
    }
    names_.splice(names_.begin(), names_, known);
    ++known->unsaid;
    if (now < known->said + kRepeatAfter) {
      return 0;
    }
    known->said = now;
    return std::exchange(known->unsaid, 0);
  }

 private:
  struct Refused {
    std::string name;
    Millis said = 0;
    std::uint64_t unsaid = 0;
  };
  std::list<Refused> names_;  // the latest first
};

}  // namespace nucleus::follower
