#include "runtime/follower/dns_answer.hpp"

#include <algorithm>
#include <limits>

namespace nucleus::follower {
namespace {

constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kTypeCname = 5;
constexpr std::uint16_t kQr = 0x8000;
constexpr std::uint16_t kOpcodeAndTc = 0x7a00;
constexpr std::uint32_t kTtlSign = 0x80000000;  // RFC 2181 8: such a TTL is zero

struct Record {
  WireName owner;
  std::uint32_t ttl = 0;
  WireName target;  // of a CNAME
  Address address;  // of an A or AAAA record
  bool alias = false;
};

// One record; `keep` says whether it is of a kind that matters.
struct ReadRecord {
  Record record;
  bool keep = false;
};

std::optional<ReadRecord> read_record(Reader& reader, std::uint16_t wanted) {
  auto owner = read_name(reader);
  const auto type = reader.u16();
  const auto record_class = reader.u16();
  const auto ttl = reader.u32();
  const auto length = reader.u16();
  if (!owner || !type || !record_class || !ttl || !length) {
    return std::nullopt;
  }
  const std::size_t start = reader.position();
  const auto data = reader.take(*length);
  if (!data) {
    return std::nullopt;
  }
  ReadRecord result;
  result.record.owner = std::move(*owner);
  result.record.ttl = (*ttl & kTtlSign) != 0 ? 0 : *ttl;
  if (*record_class != kClassIn || (*type != kTypeCname && *type != wanted)) {
    return result;
  }
  result.keep = true;
  result.record.alias = *type == kTypeCname;
  if (result.record.alias) {
    reader.seek(start);
    auto target = read_name(reader);
    if (!target || reader.position() != start + *length) {
      return std::nullopt;
    }
    result.record.target = std::move(*target);
    return result;
  }
  result.record.address.v6 = wanted == kTypeAaaa;
  if (data->size() != (result.record.address.v6 ? 16U : 4U)) {
    return std::nullopt;
  }
  std::copy(data->begin(), data->end(), result.record.address.bytes.begin());
  return result;
}

std::optional<std::vector<Record>> read_records(Reader& reader, std::size_t count, std::uint16_t wanted) {
  std::vector<Record> records;
  if (count > kRecordLimit) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < count; ++i) {
    auto read = read_record(reader, wanted);
    if (!read) {
      return std::nullopt;
    }
    if (read->keep) {
      records.push_back(std::move(read->record));
    }
  }
  return records;
}

// From the name along its CNAMEs to the addresses at the end.
std::optional<Upstream> follow(const std::vector<Record>& records, const WireName& name, Rcode rcode) {
  Upstream result;
  result.rcode = rcode;
  result.ttl = std::numeric_limits<std::uint32_t>::max();
  const WireName* current = &name;
  for (std::size_t step = 0; step <= kChainLimit; ++step) {
    const auto alias = std::find_if(records.begin(), records.end(), [&](const Record& record) {
      return record.alias && same_name(record.owner, *current);
    });
    if (alias != records.end()) {
      result.ttl = std::min(result.ttl, alias->ttl);
      current = &alias->target;
      continue;
    }
    for (const Record& record : records) {
      const bool known =
          std::find(result.addresses.begin(), result.addresses.end(), record.address) != result.addresses.end();
      if (!record.alias && !known && same_name(record.owner, *current) &&
          result.addresses.size() < kAddressesPerAnswer) {
        result.ttl = std::min(result.ttl, record.ttl);
        result.addresses.push_back(record.address);
      }
    }
    if (result.addresses.empty()) {
      result.ttl = 0;
    }
    return result;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Upstream> parse_answer(std::string_view bytes, const WireName& name, std::uint16_t type) {
  Reader reader(bytes);
  const auto id = reader.u16();  // whoever asked has compared it
  const auto flags = reader.u16();
  const auto questions = reader.u16();
  const auto answers = reader.u16();
  const auto authorities = reader.u16();
  const auto additionals = reader.u16();
  if (!id || !flags || questions != 1 || !answers || !authorities || !additionals) {
    return std::nullopt;
  }
  if ((*flags & kQr) == 0 || (*flags & kOpcodeAndTc) != 0) {
    return std::nullopt;
  }
  const auto asked = read_plain_name(reader);
  const auto asked_type = reader.u16();
  const auto asked_class = reader.u16();
  if (!asked || !same_name(*asked, name) || asked_type != type || asked_class != kClassIn) {
    return std::nullopt;
  }
  const auto records = read_records(reader, *answers, type);
  const auto rcode = static_cast<Rcode>(*flags & 0xfU);
  if (!records) {
    return std::nullopt;
  }
  if (rcode == Rcode::nxdomain) {
    return Upstream{rcode, {}, 0};
  }
  return rcode == Rcode::noerror ? follow(*records, name, rcode) : Upstream{};
}

}  // namespace nucleus::follower
