// What the kernel has, in the order table, chains, rules, sets, elements; and whether it is what was sent.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cerrno>

#include "runtime/sys/nftables.hpp"
#include "runtime/sys/nftables_decode.hpp"
#include "runtime/sys/nftables_message.hpp"
#include "runtime/sys/nftables_socket.hpp"

namespace nucleus::sys {
namespace {

constexpr int kAttempts = 16;

std::string request(std::uint16_t message, unsigned flags, std::uint32_t sequence,
                    const std::function<void(MessageWriter&)>& attributes) {
  std::string bytes;
  MessageWriter writer(bytes);
  writer.begin_message(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | message),
                       static_cast<std::uint16_t>(NLM_F_REQUEST | flags), sequence, NFPROTO_INET);
  attributes(writer);
  writer.end_message();
  return bytes;
}

// Several requests, all answered from one generation of the ruleset.
class Reader {
 public:
  Reader(int socket, const std::string& table) : socket_(socket), table_(table) {}

  Result<NftReading> read() {
    TRY(ask_for(NFT_MSG_GETTABLE, 0, "table " + table_, {}));
    TRY(ask_for(NFT_MSG_GETCHAIN, NLM_F_DUMP, "chains of " + table_, {}));
    TRY(ask_for(NFT_MSG_GETRULE, NLM_F_DUMP, "rules of " + table_, {}));
    TRY(ask_for(NFT_MSG_GETSET, NLM_F_DUMP, "sets of " + table_, {}));
    for (std::size_t i = 0; i < reading_.sets.size(); ++i) {
      const std::string name = reading_.sets[i].shape.name;
      TRY(ask_for(NFT_MSG_GETSETELEM, NLM_F_DUMP, "set " + name, name));
    }
    sort_elements(reading_);
    return std::move(reading_);
  }

 private:
  Status ask_for(std::uint16_t message, unsigned flags, const std::string& what, const std::string& set) {
    const std::string bytes = request(message, flags, ++sequence_, [&](MessageWriter& writer) {
      writer.text(NFTA_TABLE_NAME, table_);  // of all types
      if (!set.empty()) {
        writer.text(NFTA_SET_ELEM_LIST_SET, set);
      }
    });
    return ask(socket_, bytes, sequence_, what, [&](const MessageView& answer) { return take(answer); });
  }

  Status take(const MessageView& answer) {
    std::string_view body = answer.body;
    const auto header = take_family_header(body);
    if (!header) {
      return nftables_error("answer", EBADMSG);
    }
    if (header->family != NFPROTO_INET) {
      return {};
    }
    if (generation_.value_or(header->resource) != header->resource) {
      return nftables_error("ruleset", EAGAIN);
    }
    generation_ = header->resource;
    return decode_message(answer.type, body, table_, reading_);
  }

  int socket_;
  const std::string& table_;
  std::uint32_t sequence_ = 0;
  std::optional<std::uint16_t> generation_;
  NftReading reading_;
};

}  // namespace

Result<std::vector<std::string>> list_tables(int socket) {
  for (int attempt = 1;; ++attempt) {
    std::vector<std::string> names;
    const std::string bytes = request(NFT_MSG_GETTABLE, NLM_F_DUMP, 1, [](MessageWriter& /*writer*/) {});
    const Status status = ask(socket, bytes, 1, "tables", [&](const MessageView& answer) -> Status {
      std::string_view body = answer.body;
      const auto header = take_family_header(body);
      const auto attributes = Attributes::parse(body);
      const auto name = attributes ? attributes->text(NFTA_TABLE_NAME) : std::nullopt;
      if (!header || !name) {
        return nftables_error("tables", EBADMSG);
      }
      if (header->family == NFPROTO_INET) {
        names.push_back(*name);
      }
      return {};
    });
    if (status) {
      return names;
    }
    if (status.error().sys_errno != EAGAIN || attempt == kAttempts) {
      return tl::unexpected<Error>(status.error());
    }
  }
}

Result<NftReading> read_table(int socket, const std::string& table) {
  for (int attempt = 1;; ++attempt) {
    Result<NftReading> reading = Reader(socket, table).read();
    if (reading || reading.error().sys_errno != EAGAIN || attempt == kAttempts) {
      return reading;
    }
  }
}

}  // namespace nucleus::sys
