#include "hardening/egress_intervals.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <utility>

namespace nucleus::hardening {
namespace {

// What is allowed at one address.
struct Services {
  bool all = false;  // every protocol
  std::vector<PortRange> tcp;
  std::vector<PortRange> udp;
  bool operator==(const Services&) const = default;
};

std::vector<PortRange> united(std::vector<PortRange> ranges, const std::vector<PortRange>& more) {
  ranges.insert(ranges.end(), more.begin(), more.end());
  std::ranges::sort(ranges, {}, &PortRange::first);
  std::vector<PortRange> out;
  for (const PortRange& range : ranges) {
    if (!out.empty() && range.first <= static_cast<unsigned>(out.back().last) + 1) {
      out.back().last = std::max(out.back().last, range.last);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

Services services_of(const EgressEntry& entry) {
  if (entry.ports.empty()) {
    return {true, {}, {}};
  }
  return {false, entry.tcp ? entry.ports : std::vector<PortRange>(),
          entry.udp ? entry.ports : std::vector<PortRange>()};
}

Services united(const Services& a, const Services& b) {
  if (a.all || b.all) {
    return {true, {}, {}};
  }
  return {false, united(a.tcp, b.tcp), united(a.udp, b.udp)};
}

// ---- addresses as numbers -------------------------------------------------------------------------------------------

AddressBytes last_of(const AddressBlock& block) {
  AddressBytes bytes = block.network.bytes;
  const unsigned width = block.network.v6 ? 16 : 4;
  for (unsigned i = 0; i < width; ++i) {
    const unsigned fixed = block.prefix > i * 8 ? std::min(block.prefix - i * 8, 8U) : 0;
    bytes[i] = static_cast<std::uint8_t>(bytes[i] | (0xffU >> fixed));
  }
  return bytes;
}

// The neighbour above or below; false at the end of the space.
bool step(AddressBytes& bytes, unsigned width, bool up) {
  for (unsigned i = width; i-- > 0;) {
    bytes[i] = static_cast<std::uint8_t>(up ? bytes[i] + 1 : bytes[i] - 1);
    if (bytes[i] != (up ? 0x00 : 0xff)) {
      return true;
    }
  }
  return false;
}

struct Span {
  AddressBytes first{};
  AddressBytes last{};
  Services services;
};

// CIDR blocks contain each other or are apart, so a stack of the enclosing ones gives disjoint spans in one sweep.
class Sweep {
 public:
  explicit Sweep(unsigned width) : width_(width) {}

  void enter(const AddressBytes& first, const AddressBytes& last, const Services& services) {
    while (!open_.empty() && open_.back().last < first) {
      leave();
    }
    if (!open_.empty() && !exhausted_ && cursor_ < first) {
      AddressBytes before = first;
      (void)step(before, width_, false);
      emit(before);
    }
    open_.push_back({first, last, open_.empty() ? services : united(open_.back().services, services)});
    cursor_ = first;
    exhausted_ = false;
  }

  std::vector<Span> finish() {
    while (!open_.empty()) {
      leave();
    }
    return std::move(out_);
  }

 private:
  void leave() {
    const Span top = open_.back();
    if (!exhausted_ && cursor_ <= top.last) {
      emit(top.last);
      cursor_ = top.last;
      exhausted_ = !step(cursor_, width_, true);
    }
    open_.pop_back();
  }

  void emit(const AddressBytes& last) {
    const Services& services = open_.back().services;
    if (!out_.empty() && out_.back().services == services) {
      AddressBytes next = out_.back().last;
      if (step(next, width_, true) && next == cursor_) {
        out_.back().last = last;
        return;
      }
    }
    out_.push_back({cursor_, last, services});
  }

  unsigned width_;
  std::vector<Span> open_;
  std::vector<Span> out_;
  AddressBytes cursor_{};
  bool exhausted_ = false;
};

struct Block {
  AddressBytes first{};
  AddressBytes last{};
  Services services;
  const EgressEntry* entry = nullptr;
};

// Sorted so that an enclosing block comes before what it encloses.
std::vector<Block> sorted_blocks(const std::vector<EgressEntry>& entries, bool v6) {
  std::vector<Block> out;
  for (const auto& entry : entries) {
    if (entry.block && entry.block->network.v6 == v6) {
      out.push_back({entry.block->network.bytes, last_of(*entry.block), services_of(entry), &entry});
    }
  }
  std::ranges::stable_sort(
      out, [](const Block& a, const Block& b) { return a.first != b.first ? a.first < b.first : b.last < a.last; });
  return out;
}

// ---- elements -------------------------------------------------------------------------------------------------------

void append(nft::Bytes& key, const AddressBytes& address, unsigned width, unsigned protocol, unsigned port) {
  key.insert(key.end(), address.begin(), address.begin() + width);
  key.insert(key.end(), {static_cast<std::uint8_t>(protocol), 0, 0, 0});
  key.insert(key.end(), {static_cast<std::uint8_t>(port >> 8U), static_cast<std::uint8_t>(port), 0, 0});
}

void add_element(std::vector<nft::Element>& out, const Span& span, unsigned width,
                 std::pair<unsigned, unsigned> protocols, PortRange ports) {
  nft::Element element;
  append(element.first, span.first, width, protocols.first, ports.first);
  append(element.last, span.last, width, protocols.second, ports.last);
  out.push_back(std::move(element));
}

void add_elements(std::vector<nft::Element>& out, const Span& span, unsigned width) {
  if (span.services.all) {
    add_element(out, span, width, {0, 255}, {0, 65535});
    return;
  }
  for (const PortRange& ports : span.services.tcp) {
    add_element(out, span, width, {IPPROTO_TCP, IPPROTO_TCP}, ports);
  }
  for (const PortRange& ports : span.services.udp) {
    add_element(out, span, width, {IPPROTO_UDP, IPPROTO_UDP}, ports);
  }
}

EgressEntry broker_entry(const Endpoint& broker) {
  EgressEntry entry;
  entry.block = AddressBlock{broker.address, broker.address.v6 ? 128U : 32U};
  entry.ports = {{broker.port, broker.port}};
  entry.udp = false;
  return entry;
}

bool meet(const std::vector<PortRange>& a, const std::vector<PortRange>& b) {
  return std::ranges::any_of(a, [&](const PortRange& x) {
    return std::ranges::any_of(b, [&](const PortRange& y) { return x.first <= y.last && y.first <= x.last; });
  });
}

bool meet(const Services& a, const Services& b) { return a.all || b.all || meet(a.tcp, b.tcp) || meet(a.udp, b.udp); }

std::optional<EgressOverlap> overlap_of_blocks(const std::vector<EgressEntry>& entries, bool v6) {
  std::vector<const Block*> open;
  const auto blocks = sorted_blocks(entries, v6);
  for (const auto& block : blocks) {
    while (!open.empty() && open.back()->last < block.first) {
      open.pop_back();
    }
    for (const Block* const around : open) {
      if (meet(around->services, block.services)) {
        return EgressOverlap{around->entry, block.entry};
      }
    }
    open.push_back(&block);
  }
  return std::nullopt;
}

std::optional<EgressOverlap> overlap_of_names(const std::vector<EgressEntry>& entries) {
  std::vector<const EgressEntry*> named;
  for (const auto& entry : entries) {
    if (!entry.name.empty()) {
      named.push_back(&entry);
    }
  }
  std::ranges::stable_sort(named, {}, &EgressEntry::name);
  for (std::size_t i = 0; i < named.size(); ++i) {
    for (std::size_t k = i + 1; k < named.size() && named[k]->name == named[i]->name; ++k) {
      if (meet(services_of(*named[i]), services_of(*named[k]))) {
        return EgressOverlap{named[i], named[k]};
      }
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<nft::Element> allowed_elements(const EgressPolicy& policy, bool v6) {
  std::vector<EgressEntry> with_broker;
  if (policy.broker) {
    with_broker = policy.allow;
    with_broker.push_back(broker_entry(*policy.broker));
  }
  const unsigned width = v6 ? 16 : 4;
  Sweep sweep(width);
  for (const auto& block : sorted_blocks(policy.broker ? with_broker : policy.allow, v6)) {
    sweep.enter(block.first, block.last, block.services);
  }
  std::vector<nft::Element> out;
  for (const auto& span : sweep.finish()) {
    add_elements(out, span, width);
  }
  return out;
}

std::optional<EgressOverlap> find_overlap(const std::vector<EgressEntry>& entries) {
  for (const bool v6 : {false, true}) {
    if (const auto overlap = overlap_of_blocks(entries, v6)) {
      return overlap;
    }
  }
  return overlap_of_names(entries);
}

}  // namespace nucleus::hardening
