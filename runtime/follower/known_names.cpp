#include "runtime/follower/known_names.hpp"

#include <algorithm>

namespace nucleus::follower {
namespace {

constexpr Millis kShortestLife = 2 * 1000;
constexpr Millis kLongestLife = 3600 * 1000;
constexpr Millis kLongestLead = 10 * 1000;  // a refresh has this long, retries of the resolver included

bool wanted(const KnownName& known, Millis now) { return known.refresh_at && now < known.asked + kRefreshedFor; }

}  // namespace

Millis life_of(std::uint32_t ttl) { return std::clamp(Millis{ttl} * 1000, kShortestLife, kLongestLife); }

const KnownName* KnownNames::fresh(const std::string& text, Millis now) const {
  const auto found = names_.find(text);
  return found != names_.end() && now < found->second.fresh_until ? &found->second : nullptr;
}

void KnownNames::touch(const std::string& text, Millis now) {
  if (const auto found = names_.find(text); found != names_.end()) {
    found->second.asked = now;
  }
}

void KnownNames::learn(const std::string& text, KnownName found, std::optional<Millis> life, bool by_client,
                       Millis now) {
  const auto before = names_.find(text);
  const bool known = before != names_.end();
  if (!known && !by_client) {
    return;  // forgotten while it was asked for
  }
  found.asked = by_client ? now : before->second.asked;
  const bool failed = found.v4.rcode == Rcode::servfail || found.v6.rcode == Rcode::servfail;
  found.fresh_until = now + (failed ? kFailureLife : life.value_or(kNegativeLife));
  if (life) {
    found.refresh_at = now + *life - std::min(*life / 4, kLongestLead);
  } else if (known && before->second.refresh_at) {
    found.refresh_at = now + kRefreshRetry;
  }
  if (!known) {
    make_room();
  }
  names_.insert_or_assign(text, std::move(found));
}

std::vector<WireName> KnownNames::take_due(Millis now, std::size_t limit) {
  std::vector<WireName> due;
  for (auto& [text, known] : names_) {
    if (due.size() < limit && wanted(known, now) && *known.refresh_at <= now) {
      known.refresh_at = now + kRefreshRetry;
      due.push_back(known.name);
    }
  }
  return due;
}

std::optional<Millis> KnownNames::next_due(Millis now) const {
  std::optional<Millis> next;
  for (const auto& [text, known] : names_) {
    if (wanted(known, now)) {
      next = std::min(next.value_or(*known.refresh_at), *known.refresh_at);
    }
  }
  return next;
}

void KnownNames::make_room() {
  if (names_.size() < kNamesKept) {
    return;
  }
  names_.erase(std::min_element(names_.begin(), names_.end(), [](const auto& left, const auto& right) {
    return left.second.asked < right.second.asked;
  }));
}

}  // namespace nucleus::follower
