#include "runtime/follower/allowed_names.hpp"

#include <netinet/in.h>

#include "runtime/follower/dns_name.hpp"

namespace nucleus::follower {
namespace {

// Protocols are divided at TCP and UDP, so that grants of different entries have the same protocols or none in common.
constexpr std::pair<std::uint8_t, std::uint8_t> kEveryProtocol[] = {{0, IPPROTO_TCP - 1},
                                                                    {IPPROTO_TCP, IPPROTO_TCP},
                                                                    {IPPROTO_TCP + 1, IPPROTO_UDP - 1},
                                                                    {IPPROTO_UDP, IPPROTO_UDP},
                                                                    {IPPROTO_UDP + 1, 255}};

Result<std::vector<Grant>> grants_of(const AllowedName& name) {
  std::vector<Grant> grants;
  if (name.ports.empty()) {
    for (const auto& [first, last] : kEveryProtocol) {
      grants.push_back({first, last, {}});
    }
    return grants;
  }
  if (!name.tcp && !name.udp) {
    return fail(ErrorCode::invalid_config, "name " + name.name + ": ports of no protocol");
  }
  for (const PortRange& range : name.ports) {
    if (range.first > range.last) {
      return fail(ErrorCode::invalid_config, "name " + name.name + ": a range of ports that ends before it begins");
    }
    if (name.tcp) {
      grants.push_back({IPPROTO_TCP, IPPROTO_TCP, range});
    }
    if (name.udp) {
      grants.push_back({IPPROTO_UDP, IPPROTO_UDP, range});
    }
  }
  return grants;
}

}  // namespace

Result<AllowedNames> AllowedNames::make(const std::vector<AllowedName>& names) {
  AllowedNames result;
  for (const AllowedName& name : names) {
    const bool suffix = name.name.starts_with("*.");
    const auto wire = wire_of(std::string_view(name.name).substr(suffix ? 2 : 0));
    if (!wire) {
      return fail(ErrorCode::invalid_config, "not a domain name: " + name.name);
    }
    TRY_ASSIGN(auto grants, grants_of(name));
    (suffix ? result.suffixes_ : result.exact_)
        .emplace(text_of(*wire), Entry{std::move(grants), name.private_addresses});
  }
  return result;
}

template <class Visit>
bool AllowedNames::any_match(std::string_view name, Visit visit) const {
  const auto visit_all = [&](const Entries& entries, std::string_view key) {
    const auto [begin, end] = entries.equal_range(key);
    for (auto it = begin; it != end; ++it) {
      if (visit(it->second)) {
        return true;
      }
    }
    return false;
  };
  if (visit_all(exact_, name)) {
    return true;
  }
  // Dots inside labels are escaped in the text, so every dot divides labels.
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    if (visit_all(suffixes_, name.substr(dot + 1))) {
      return true;
    }
  }
  return false;
}

bool AllowedNames::allows(std::string_view name) const {
  return any_match(name, [](const Entry&) { return true; });
}

bool AllowedNames::allows_a_beginning_of(std::string_view name) const {
  for (std::size_t dot = name.rfind('.'); dot != std::string_view::npos && dot != 0; dot = name.rfind('.', dot - 1)) {
    if (allows(name.substr(0, dot))) {
      return true;
    }
  }
  return false;
}

std::vector<Grant> AllowedNames::grants(std::string_view name, const Address& address) const {
  std::vector<Grant> result;
  const Reach reach = reach_of(address);
  if (reach == Reach::special) {
    return result;
  }
  any_match(name, [&](const Entry& entry) {
    if (reach == Reach::open || entry.private_addresses) {
      result.insert(result.end(), entry.grants.begin(), entry.grants.end());
    }
    return false;
  });
  return result;
}

}  // namespace nucleus::follower
