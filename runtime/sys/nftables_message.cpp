#include "runtime/sys/nftables_message.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cstring>

namespace nucleus::sys {
namespace {

constexpr std::size_t kAlign = 4;

constexpr std::size_t aligned(std::size_t size) { return (size + kAlign - 1) / kAlign * kAlign; }

template <class T>
std::string_view view_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

// Removes a T from the front. Nothing: there are too few bytes.
template <class T>
std::optional<T> take(std::string_view& bytes) {
  if (bytes.size() < sizeof(T)) {
    return std::nullopt;
  }
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  bytes.remove_prefix(sizeof(T));
  return value;
}

template <class T>
std::optional<T> whole(std::optional<std::string_view> bytes) {
  return bytes && bytes->size() == sizeof(T) ? take<T>(*bytes) : std::nullopt;
}

std::uint64_t swap_to_network(std::uint64_t value) {
  return htonl(1) == 1 ? value : std::uint64_t{htonl(static_cast<std::uint32_t>(value))} << 32U | htonl(value >> 32U);
}

}  // namespace

void MessageWriter::begin_message(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence, std::uint8_t family,
                                  std::uint16_t resource) {
  message_ = out_.size();
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  header.nlmsg_seq = sequence;
  nfgenmsg generic{};
  generic.nfgen_family = family;
  generic.version = NFNETLINK_V0;
  generic.res_id = htons(resource);
  out_.append(view_of(header)).append(view_of(generic));
}

void MessageWriter::end_message() {
  const auto length = static_cast<std::uint32_t>(message_size());
  std::memcpy(out_.data() + message_ + offsetof(nlmsghdr, nlmsg_len), &length, sizeof(length));
}

void MessageWriter::add_flags(std::uint16_t flags) {
  char* const at = out_.data() + message_ + offsetof(nlmsghdr, nlmsg_flags);
  std::uint16_t all = 0;
  std::memcpy(&all, at, sizeof(all));
  all = static_cast<std::uint16_t>(all | flags);
  std::memcpy(at, &all, sizeof(all));
}

std::size_t MessageWriter::open(std::uint16_t attribute) {
  const std::size_t start = out_.size();
  const nlattr header{0, attribute};
  out_.append(view_of(header));
  return start;
}

void MessageWriter::close(std::size_t start) {
  const auto length = static_cast<std::uint16_t>(out_.size() - start);
  std::memcpy(out_.data() + start + offsetof(nlattr, nla_len), &length, sizeof(length));
  std::uint16_t type = 0;
  char* const at = out_.data() + start + offsetof(nlattr, nla_type);
  std::memcpy(&type, at, sizeof(type));
  type |= NLA_F_NESTED;
  std::memcpy(at, &type, sizeof(type));
}

void MessageWriter::add(std::uint16_t attribute, std::string_view value, std::size_t padding) {
  const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + value.size() + padding), attribute};
  const std::size_t start = out_.size();
  out_.resize(start + aligned(header.nla_len));
  std::memcpy(out_.data() + start, &header, sizeof(header));
  value.copy(out_.data() + start + sizeof(header), value.size());
}

void MessageWriter::bytes(std::uint16_t attribute, std::string_view value) { add(attribute, value, 0); }

void MessageWriter::text(std::uint16_t attribute, std::string_view value) { add(attribute, value, 1); }

void MessageWriter::u32(std::uint16_t attribute, std::uint32_t value) { bytes(attribute, view_of(htonl(value))); }

void MessageWriter::u64(std::uint16_t attribute, std::uint64_t value) {
  bytes(attribute, view_of(swap_to_network(value)));
}

std::optional<MessageView> take_message(std::string_view& bytes) {
  std::string_view rest = bytes;
  const auto header = take<nlmsghdr>(rest);
  if (!header || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > bytes.size()) {
    return std::nullopt;
  }
  MessageView message{header->nlmsg_type, header->nlmsg_flags, header->nlmsg_seq,
                      rest.substr(0, header->nlmsg_len - sizeof(nlmsghdr))};
  bytes.remove_prefix(std::min(aligned(header->nlmsg_len), bytes.size()));
  return message;
}

std::optional<FamilyHeader> take_family_header(std::string_view& body) {
  const auto header = take<nfgenmsg>(body);
  if (!header) {
    return std::nullopt;
  }
  return FamilyHeader{header->nfgen_family, ntohs(header->res_id)};
}

bool for_each_attribute(std::string_view bytes, const std::function<bool(std::uint16_t, std::string_view)>& visit) {
  while (!bytes.empty()) {
    std::string_view rest = bytes;
    const auto header = take<nlattr>(rest);
    if (!header || header->nla_len < sizeof(nlattr) || header->nla_len > bytes.size()) {
      return false;
    }
    if (!visit(header->nla_type & NLA_TYPE_MASK, rest.substr(0, header->nla_len - sizeof(nlattr)))) {
      return false;
    }
    bytes.remove_prefix(std::min(aligned(header->nla_len), bytes.size()));
  }
  return true;
}

std::optional<Attributes> Attributes::parse(std::string_view bytes) {
  Attributes result;
  const bool whole = for_each_attribute(bytes, [&](std::uint16_t type, std::string_view content) {
    if (type < result.values_.size()) {
      result.values_.at(type) = content;
    }
    return true;
  });
  return whole ? std::optional(result) : std::nullopt;
}

std::optional<std::string> Attributes::text(std::uint16_t type) const {
  const auto content = bytes(type);
  if (!content || content->empty() || content->find('\0') != content->size() - 1) {
    return std::nullopt;
  }
  return std::string(content->substr(0, content->size() - 1));
}

std::optional<std::uint32_t> Attributes::u32(std::uint16_t type) const {
  const auto value = whole<std::uint32_t>(bytes(type));
  return value ? std::optional(ntohl(*value)) : std::nullopt;
}

std::optional<std::uint64_t> Attributes::u64(std::uint16_t type) const {
  const auto value = whole<std::uint64_t>(bytes(type));
  return value ? std::optional(swap_to_network(*value)) : std::nullopt;
}

std::optional<Attributes> Attributes::nested(std::uint16_t type) const {
  const auto content = bytes(type);
  return content ? parse(*content) : std::nullopt;
}

}  // namespace nucleus::sys
