#include "runtime/follower/bindings.hpp"

#include <algorithm>
#include <set>

namespace nucleus::follower {
namespace {

void put_address(nft::Bytes& key, const Address& address) {
  key.insert(key.end(), address.bytes.begin(), address.bytes.begin() + (address.v6 ? 16 : 4));
}

// address . protocol . port, each padded to four bytes.
nft::Bytes key(const Address& address, std::uint8_t protocol, std::uint16_t port) {
  nft::Bytes bytes;
  put_address(bytes, address);
  bytes.insert(bytes.end(), {protocol, 0, 0, 0, static_cast<std::uint8_t>(port >> 8U),
                             static_cast<std::uint8_t>(port & 0xffU), 0, 0});
  return bytes;
}

nft::Element element(const Address& address, const Lease& piece, Millis now) {
  nft::Element result;
  result.first = key(address, piece.grant.first_protocol, piece.grant.ports.first);
  result.last = key(address, piece.grant.last_protocol, piece.grant.ports.last);
  result.timeout_ms = (piece.end > now ? piece.end - now : 0) + kKernelMargin;
  return result;
}

void lease(std::vector<Lease>& leases, const Grant& grant, Millis end) {
  const auto known = std::find_if(leases.begin(), leases.end(), [&](const Lease& one) { return one.grant == grant; });
  if (known == leases.end()) {
    leases.push_back({grant, end});
  } else {
    known->end = std::max(known->end, end);
  }
}

bool holds(const std::vector<Lease>& pieces, const Lease& piece) {
  return std::find(pieces.begin(), pieces.end(), piece) != pieces.end();
}

// From what the kernel has for the address to what `leases` say.
void change_to(Change& change, const Address& address, const Holding& before, std::vector<Lease> leases, Millis now) {
  std::erase_if(leases, [&](const Lease& one) { return one.end <= now; });
  Holding after{std::move(leases), {}};
  after.pieces = pieces_of(after.leases);
  for (const Lease& piece : before.pieces) {
    if (!holds(after.pieces, piece)) {
      change.remove.push_back(element(address, piece, now));
    }
  }
  for (const Lease& piece : after.pieces) {
    if (!holds(before.pieces, piece)) {
      change.add.push_back(element(address, piece, now));
    }
  }
  change.after.insert_or_assign(address, std::move(after));
}

// Pieces of the leases of one range of protocols.
void cut(const std::vector<Lease>& leases, const Grant& protocols, std::vector<Lease>& pieces) {
  std::set<std::uint32_t> starts;
  for (const Lease& one : leases) {
    starts.insert({one.grant.ports.first, one.grant.ports.last + 1U});
  }
  for (auto start = starts.begin(); start != starts.end() && std::next(start) != starts.end(); ++start) {
    Lease piece{protocols, 0};
    piece.grant.ports = {static_cast<std::uint16_t>(*start), static_cast<std::uint16_t>(*std::next(start) - 1)};
    for (const Lease& one : leases) {
      if (one.grant.ports.first <= *start && *start <= one.grant.ports.last) {
        piece.end = std::max(piece.end, one.end);
      }
    }
    Lease* last = pieces.empty() ? nullptr : &pieces.back();
    if (last != nullptr && last->end == piece.end && last->grant.first_protocol == protocols.first_protocol &&
        last->grant.ports.last + 1U == *start) {
      last->grant.ports.last = piece.grant.ports.last;
    } else if (piece.end != 0) {
      pieces.push_back(piece);
    }
  }
}

}  // namespace

std::vector<Lease> pieces_of(const std::vector<Lease>& leases) {
  std::map<std::pair<std::uint8_t, std::uint8_t>, std::vector<Lease>> by_protocols;
  for (const Lease& one : leases) {
    by_protocols[{one.grant.first_protocol, one.grant.last_protocol}].push_back(one);
  }
  std::vector<Lease> pieces;
  for (const auto& [protocols, group] : by_protocols) {
    cut(group, {protocols.first, protocols.second, {}}, pieces);
  }
  return pieces;
}

Result<Change> Bindings::open(const std::vector<Destination>& destinations, Millis end, Millis now) const {
  Change change;
  std::map<Address, std::vector<Grant>> wanted;
  for (const Destination& one : destinations) {
    auto& grants = wanted[one.address];
    grants.insert(grants.end(), one.grants.begin(), one.grants.end());
  }
  std::size_t count = holdings_.size();
  for (const auto& [address, grants] : wanted) {
    const auto known = holdings_.find(address);
    count += known == holdings_.end() ? 1 : 0;
    const Holding before = known == holdings_.end() ? Holding{} : known->second;
    std::vector<Lease> leases = before.leases;
    for (const Grant& grant : grants) {
      lease(leases, grant, end);
    }
    change_to(change, address, before, std::move(leases), now);
  }
  if (count > kAddressLimit) {
    return fail(ErrorCode::policy, "names lead to more than " + std::to_string(kAddressLimit) + " addresses");
  }
  return change;
}

Change Bindings::close_ended(Millis now) const {
  Change change;
  for (const auto& [address, holding] : holdings_) {
    const bool ended =
        std::any_of(holding.leases.begin(), holding.leases.end(), [&](const Lease& one) { return one.end <= now; });
    if (ended) {
      change_to(change, address, holding, holding.leases, now);
    }
  }
  return change;
}

void Bindings::commit(Change change) {
  for (auto& entry : change.after) {
    if (entry.second.leases.empty()) {
      holdings_.erase(entry.first);
    } else {
      holdings_.insert_or_assign(entry.first, std::move(entry.second));
    }
  }
  next_end_.reset();
  for (const auto& [address, holding] : holdings_) {
    for (const Lease& one : holding.leases) {
      next_end_ = std::min(next_end_.value_or(one.end), one.end);
    }
  }
}

std::optional<Millis> Bindings::next_end() const { return next_end_; }

}  // namespace nucleus::follower
