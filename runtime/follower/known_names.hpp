// What has been found out about names: answers while they are fresh, and which names to ask again before they end. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/follower/bindings.hpp"
#include "runtime/follower/dns_message.hpp"

namespace nucleus::follower {

inline constexpr std::size_t kNamesKept = 512;        // beyond, the one asked for longest ago is forgotten
inline constexpr Millis kRefreshedFor = 3600 * 1000;  // since it was last asked for
inline constexpr Millis kRefreshRetry = 5 * 1000;     // after a failure
inline constexpr Millis kNegativeLife = 5 * 1000;     // of "no such name" and "no address"
inline constexpr Millis kFailureLife = 1000;          // so that a broken resolver is not hammered
inline constexpr Millis kGrace = 2 * 1000;            // elements outlive their answers by this

// How long an answer with this TTL (seconds) holds.
[[nodiscard]] Millis life_of(std::uint32_t ttl);

// One family's answer.
struct FamilyAnswer {
  Rcode rcode = Rcode::servfail;
  std::vector<Address> addresses;
};

struct KnownName {
  WireName name;
  FamilyAnswer v4, v6;
  Millis fresh_until = 0;
  Millis asked = 0;                  // by a client, last
  std::optional<Millis> refresh_at;  // never for names that never had an address
};

class KnownNames {
 public:
  // Whose answer may still be given; nullptr if none.
  [[nodiscard]] const KnownName* fresh(const std::string& text, Millis now) const;
  // A client asked.
  void touch(const std::string& text, Millis now);
  // What a lookup found: `life` is that of its addresses, or nothing when it found none. Where a family's lookup failed the
  // answer is given for a moment only. `by_client`: not a refresh.
  void learn(const std::string& text, KnownName found, std::optional<Millis> life, bool by_client, Millis now);

  // Up to `limit` names whose time has come; they will not be due again before kRefreshRetry is over.
  [[nodiscard]] std::vector<WireName> take_due(Millis now, std::size_t limit);
  [[nodiscard]] std::optional<Millis> next_due(Millis now) const;
  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  void make_room();
  std::map<std::string, KnownName> names_;
};

}  // namespace nucleus::follower
