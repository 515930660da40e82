#include "runtime/base/nft.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace nucleus::nft {
namespace {

using Span = std::span<const std::uint8_t>;

std::size_t length_of(Field field) {
  switch (field) {
    case Field::ipv4_addr:
      return 4;
    case Field::ipv6_addr:
      return 16;
    case Field::inet_proto:
      return 1;
    case Field::inet_service:
      break;
  }
  return 2;
}

std::size_t padded(std::size_t length) { return (length + 3) / 4 * 4; }

std::string_view name_of(Field field) {
  constexpr std::array<std::string_view, 4> kNames = {"ipv4_addr", "ipv6_addr", "inet_proto", "inet_service"};
  return kNames[static_cast<std::size_t>(field)];
}

std::string_view name_of(Hook hook) {
  constexpr std::array<std::string_view, 3> kNames = {"output", "forward", "postrouting"};
  return kNames[static_cast<std::size_t>(hook)];
}

std::string number_text(Span value) {
  unsigned number = 0;
  for (const std::uint8_t byte : value) {
    number = number << 8U | byte;
  }
  return std::to_string(number);
}

std::string protocol_text(std::uint8_t number) {
  switch (number) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    default:
      return std::to_string(number);
  }
}

std::string value_text(Field field, Span value) {
  switch (field) {
    case Field::ipv4_addr:
    case Field::ipv6_addr: {
      std::array<char, INET6_ADDRSTRLEN> text{};
      ::inet_ntop(field == Field::ipv4_addr ? AF_INET : AF_INET6, value.data(), text.data(), text.size());
      return text.data();
    }
    case Field::inet_proto:
      return protocol_text(value[0]);
    case Field::inet_service:
      break;
  }
  return number_text(value);
}

// The length of the prefix that covers exactly first..last, or -1.
int prefix_of(Span first, Span last) {
  int bits = 0;
  std::size_t i = 0;
  while (i < first.size() && first[i] == last[i]) {
    ++i;
    bits += 8;
  }
  for (bool inside = false; i < first.size(); ++i) {
    for (int bit = 7; bit >= 0; --bit) {
      const bool low = (first[i] >> bit & 1) != 0;
      const bool high = (last[i] >> bit & 1) != 0;
      if (!inside && low == high) {
        ++bits;
        continue;
      }
      inside = true;
      if (low || !high) {
        return -1;
      }
    }
  }
  return bits;
}

std::string range_text(Field field, Span first, Span last) {
  if (last.empty() || std::ranges::equal(first, last)) {
    return value_text(field, first);
  }
  const int prefix = field == Field::ipv4_addr || field == Field::ipv6_addr ? prefix_of(first, last) : -1;
  return prefix >= 0 ? value_text(field, first) + "/" + std::to_string(prefix)
                     : value_text(field, first) + "-" + value_text(field, last);
}

std::string element_text(const Set& set, const Element& element) {
  std::string out;
  std::size_t offset = 0;
  for (const Field field : set.fields) {
    const std::size_t length = length_of(field);
    const Span last = element.last.empty() ? Span{} : Span(element.last).subspan(offset, length);
    out += (out.empty() ? "" : " . ") + range_text(field, Span(element.first).subspan(offset, length), last);
    offset += padded(length);
  }
  return out;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const auto& part : parts) {
    out += out.empty() ? "" : separator;
    out += part;
  }
  return out;
}

std::string duration_text(std::uint64_t milliseconds) {
  const std::uint64_t seconds = milliseconds / 1000;
  const std::uint64_t minutes = seconds / 60 % 60;
  const std::uint64_t hours = seconds / 3600;
  return (hours > 0 ? std::to_string(hours) + "h" : "") + (minutes > 0 ? std::to_string(minutes) + "m" : "") +
         (seconds % 60 > 0 || seconds == 0 ? std::to_string(seconds % 60) + "s" : "");
}

std::string set_text(const Set& set) {
  std::vector<std::string> types;
  for (const Field field : set.fields) {
    types.emplace_back(name_of(field));
  }
  std::string out = "\tset " + set.name + " {\n\t\ttype " + join(types, " . ") + "\n";
  out += set.size > 0 ? "\t\tsize " + std::to_string(set.size) + "\n" : "";
  std::vector<std::string> flags;
  if (set.interval) {
    flags.emplace_back("interval");
  }
  if (set.dynamic) {
    flags.emplace_back("dynamic");
  }
  if (set.timeout) {
    flags.emplace_back("timeout");
  }
  out += flags.empty() ? "" : "\t\tflags " + join(flags, ",") + "\n";
  out += set.timeout_ms > 0 ? "\t\ttimeout " + duration_text(set.timeout_ms) + "\n" : "";
  std::vector<std::string> elements;
  for (const auto& element : set.elements) {
    elements.push_back(element_text(set, element));
  }
  out += elements.empty() ? "" : "\t\telements = { " + join(elements, ",\n\t\t\t     ") + " }\n";
  return out + "\t}\n";
}

std::string chain_text(const Chain& chain) {
  std::string out = "\tchain " + chain.name + " {\n\t\ttype " + (chain.type == ChainType::nat ? "nat" : "filter") +
                    " hook " + std::string(name_of(chain.hook)) + " priority " +
                    (chain.priority == 0 ? "filter" : std::to_string(chain.priority)) + "; policy " +
                    (chain.policy == Verdict::accept ? "accept" : "drop") + ";\n";
  for (const auto& rule : chain.rules) {
    out += "\t\t" + rule.text + "\n";
  }
  return out + "\t}\n";
}

}  // namespace

std::string to_text(const Table& table) {
  std::string out = "table inet " + table.name + " {\n";
  out += table.comment.empty() ? "" : "\tcomment \"" + table.comment + "\"\n";
  std::vector<std::string> blocks;
  for (const auto& set : table.sets) {
    blocks.push_back(set_text(set));
  }
  for (const auto& chain : table.chains) {
    blocks.push_back(chain_text(chain));
  }
  return out + join(blocks, "\n") + "}\n";
}

}  // namespace nucleus::nft
