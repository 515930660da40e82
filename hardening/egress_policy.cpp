#include "hardening/egress_policy.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "hardening/json_text.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::size_t kLongestName = 253;  // RFC 1035 2.3.4, in text without the final dot
constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestEntry = 512;

tl::unexpected<Error> bad(std::string_view text, const std::string& why) {
  const bool cut = text.size() > kLongestEntry;
  return fail(ErrorCode::invalid_config, "egress " + json_text(std::string(text.substr(0, cut ? 64 : text.size()))) +
                                             (cut ? "...: " : ": ") + why);
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  return error == std::errc() && end == text.data() + text.size() && !leading_zero ? std::optional(value)
                                                                                   : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(at + 1);
  }
}

// ---- addresses ------------------------------------------------------------------------------------------------------

std::optional<Address> read_address(std::string_view text) {
  Address address;
  address.v6 = text.find(':') != std::string_view::npos;
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos ||
      ::inet_pton(address.v6 ? AF_INET6 : AF_INET, terminated.c_str(), address.bytes.data()) != 1) {
    return std::nullopt;
  }
  return address;
}

bool is_mapped(const Address& address) {  // ::ffff:0:0/96
  constexpr std::array<std::uint8_t, 12> kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return address.v6 && std::equal(kPrefix.begin(), kPrefix.end(), address.bytes.begin());
}

unsigned width(const Address& address) { return address.v6 ? 128 : 32; }

Address masked(Address address, unsigned prefix) {
  for (unsigned i = 0; i < address.bytes.size(); ++i) {
    const unsigned kept = prefix > i * 8 ? std::min(prefix - i * 8, 8U) : 0;
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00U >> kept));
  }
  return address;
}

Result<AddressBlock> read_block(std::string_view whole, std::string_view text) {
  const auto slash = text.find('/');
  const auto address = read_address(text.substr(0, slash));
  if (!address) {
    return bad(whole, "not an address");
  }
  if (is_mapped(*address)) {
    return bad(whole, "an IPv4 address is to be written as one, not mapped into IPv6");
  }
  AddressBlock block{*address, width(*address)};
  if (slash != std::string_view::npos) {
    const auto prefix = number<unsigned>(text.substr(slash + 1));
    if (!prefix || *prefix > width(*address)) {
      return bad(whole, "the prefix length must be 1 to " + std::to_string(width(*address)));
    }
    block.prefix = *prefix;
  }
  if (block.prefix == 0) {
    return bad(whole, "prefix 0 would open every address; name the networks that are needed");
  }
  const Address network = masked(*address, block.prefix);
  if (network != *address) {
    return bad(whole, "host bits are set; the network is " + to_string(AddressBlock{network, block.prefix}));
  }
  return block;
}

// ---- names ----------------------------------------------------------------------------------------------------------

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLongestLabel && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(
             label, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; });
}

Result<std::string> read_name(std::string_view whole, std::string_view text) {
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    return bad(whole, "a name outside ASCII is to be written in its encoded form (xn--...)");
  }
  std::string name(text);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (name.ends_with('.')) {
    name.pop_back();
  }
  const bool wildcard = name.starts_with("*.");
  const std::string_view plain = std::string_view(name).substr(wildcard ? 2 : 0);
  const auto labels = split(plain, '.');
  if (plain.size() > kLongestName) {
    return bad(whole, "a name has at most 253 characters");
  }
  if (!std::ranges::all_of(labels, is_label)) {
    return bad(whole, "neither an address nor a name of letters, digits and hyphens");
  }
  if (std::ranges::all_of(labels.back(), [](char c) { return c >= '0' && c <= '9'; })) {
    return bad(whole, "not an address");  // a name cannot end in a number: 10.0.0 is a mistyped address
  }
  if (wildcard && labels.size() < 2) {
    return bad(whole,
               "a wildcard directly below a top-level name would open every name in it, and with it DNS tunnels");
  }
  return name;
}

// ---- ports ----------------------------------------------------------------------------------------------------------

std::optional<PortRange> read_range(std::string_view text) {
  const auto dash = text.find('-');
  const auto first = number<std::uint16_t>(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : number<std::uint16_t>(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *last < *first) {
    return std::nullopt;
  }
  return PortRange{*first, *last};
}

// Sorted; ranges that overlap are an error, neighbours are joined.
Result<std::vector<PortRange>> read_ports(std::string_view whole, std::string_view text) {
  std::vector<PortRange> ranges;
  for (const auto part : split(text, ',')) {
    const auto range = read_range(part);
    if (!range) {
      return bad(whole, json_text(std::string(part)) + " is not a port or range of ports (1 to 65535)");
    }
    ranges.push_back(*range);
  }
  std::ranges::sort(ranges, {}, &PortRange::first);
  std::vector<PortRange> joined;
  for (const PortRange& range : ranges) {
    if (!joined.empty() && range.first <= joined.back().last) {
      return bad(whole, "its port ranges overlap at " + std::to_string(range.first));
    }
    if (!joined.empty() && range.first == joined.back().last + 1) {
      joined.back().last = range.last;
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

struct Parts {
  std::string_view target;
  std::optional<std::string_view> ports;
};

// An IPv6 address has colons of its own, so ports follow it only behind brackets.
Result<Parts> take_apart(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    const auto rest = end == std::string_view::npos ? "" : text.substr(end + 1);
    if (end == std::string_view::npos || (!rest.empty() && rest.front() != ':')) {
      return bad(text, "expected [ADDRESS/PREFIX]:PORTS");
    }
    return Parts{text.substr(1, end - 1), rest.empty() ? std::nullopt : std::optional(rest.substr(1))};
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
    return Parts{text, std::nullopt};
  }
  return Parts{text.substr(0, colon), text.substr(colon + 1)};
}

Status read_port_part(EgressEntry& entry, std::string_view text) {
  const auto slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto protocol = text.substr(slash + 1);
    if (protocol != "tcp" && protocol != "udp") {
      return bad(entry.text, "expected /tcp or /udp after the ports");
    }
    entry.tcp = protocol == "tcp";
    entry.udp = !entry.tcp;
  }
  TRY_ASSIGN(entry.ports, read_ports(entry.text, text.substr(0, slash)));
  return {};
}

}  // namespace

bool EgressPolicy::has_names() const {
  return std::ranges::any_of(allow, [](const EgressEntry& entry) { return !entry.name.empty(); });
}

Result<EgressEntry> parse_egress_entry(std::string_view text, std::string origin) {
  if (text.empty() || text.size() > kLongestEntry) {
    return bad(text, text.empty() ? "expected a network or a name" : "too long");
  }
  EgressEntry entry;
  entry.text = text;
  entry.origin = std::move(origin);
  TRY_ASSIGN(const Parts parts, take_apart(text));
  const bool looks_like_name =
      parts.target.find_first_of(":/") == std::string_view::npos && !read_address(parts.target);
  if (looks_like_name && !text.starts_with('[')) {
    TRY_ASSIGN(entry.name, read_name(text, parts.target));
  } else {
    TRY_ASSIGN(entry.block, read_block(text, parts.target));
    if (text.starts_with('[') != entry.block->network.v6 && parts.ports) {
      return bad(text, "expected [ADDRESS/PREFIX]:PORTS for IPv6, ADDRESS/PREFIX:PORTS for IPv4");
    }
  }
  if (parts.ports) {
    TRY(read_port_part(entry, *parts.ports));
  }
  return entry;
}

Result<Address> parse_address(std::string_view text) {
  const auto address = read_address(text);
  if (!address || is_mapped(*address)) {
    return bad(text, "not an address");
  }
  return *address;
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  TRY_ASSIGN(const Parts parts, take_apart(text));
  TRY_ASSIGN(const Address address, parse_address(parts.target));
  const auto port = parts.ports ? number<std::uint16_t>(*parts.ports) : std::nullopt;
  if (!port || *port == 0 || address.v6 != text.starts_with('[')) {
    return bad(text, "expected ADDRESS:PORT, or [ADDRESS]:PORT for IPv6");
  }
  return Endpoint{address, *port};
}

Result<std::vector<PortRange>> parse_ports(std::string_view text) { return read_ports(text, text); }

std::string to_string(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text.data(), text.size());
  return text.data();
}

std::string to_string(const AddressBlock& block) {
  return to_string(block.network) + "/" + std::to_string(block.prefix);
}

std::string to_string(const std::vector<PortRange>& ports) {
  std::string out;
  for (const auto& range : ports) {
    out += (out.empty() ? "" : ",") + std::to_string(range.first) +
           (range.last == range.first ? "" : "-" + std::to_string(range.last));
  }
  return out;
}

namespace {

std::string canonical_entry(const EgressEntry& entry) {
  std::string out = entry.block ? to_string(*entry.block) : entry.name;
  if (!entry.ports.empty()) {
    out += " " + to_string(entry.ports);
  }
  return out + (entry.tcp && entry.udp ? "" : entry.tcp ? " tcp" : " udp");
}

}  // namespace

std::string canonical_text(const EgressPolicy& policy) {
  std::vector<std::string> lines;
  for (const auto& entry : policy.allow) {
    lines.push_back("allow " + canonical_entry(entry));
  }
  std::ranges::sort(lines);
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  for (const auto& resolver : policy.resolvers) {
    lines.push_back("resolver " + to_string(resolver));
  }
  lines.push_back(std::string("dns ") + (policy.dns ? "open" : "closed"));
  lines.push_back(std::string("private names ") + (policy.private_names ? "yes" : "no"));
  if (policy.broker) {
    lines.push_back("broker " + to_string(policy.broker->address) + " " + std::to_string(policy.broker->port));
  }
  std::string out;
  for (const auto& line : lines) {
    out += line + "\n";
  }
  return out;
}

}  // namespace nucleus::hardening
