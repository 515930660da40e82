// nf_tables' messages about one table as data. The kernel answers in the form in which it is told.
#pragma once

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/sys/nftables.hpp"
#include "runtime/sys/nftables_message.hpp"

namespace nucleus::sys {

// Adds what a NEWTABLE, NEWCHAIN, NEWRULE, NEWSET or NEWSETELEM message says; `body` is what follows struct nfgenmsg.
// Objects of other tables and messages of other types are passed over. Sets and chains come before what belongs to them.
// EBADMSG: malformed, or without a word in runtime/base/nft.hpp.
[[nodiscard]] Status decode_message(std::uint16_t type, std::string_view body, const std::string& table,
                                    NftReading& reading);

void sort_elements(NftReading& reading);

// The same for a sequence of messages, such as a transaction; sorted.
[[nodiscard]] Result<NftReading> decode_messages(std::string_view bytes, const std::string& table);

}  // namespace nucleus::sys
