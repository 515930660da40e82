// nftables by raw netlink: installs, changes, removes and reads back the tables of runtime/base/nft.hpp, family inet.
// Nothing is executed and no library is used. What to send is made purely (encode_*), sent as one atomic transaction
// (send_batch): all of it is in force afterwards, or none of it. Source: nft(8), netlink(7), linux/netfilter/nf_tables.h.
//
// Error texts name what failed, e.g. "nftables: set allow4: file exists"; sys_errno is the kernel's. EOPNOTSUPP or ENOENT
// for a rule: this kernel lacks one of its expressions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/nft.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

// A transaction. Its message number i is about names[i] ("set allow4", "rule 3 of output", rules counted from 1);
// names[0] stands for the transaction itself.
struct NftBatch {
  std::string bytes;
  std::vector<std::string> names;
};

// Creates `table`; to send it fails with EEXIST when there is one of that name. An error here is a table the kernel could
// not take in any case (internal): names that are empty or longer than 255 bytes, a comment of more than 127 bytes,
// values and keys that do not fit their fields or registers (the key of a single field is not padded), an interval set of a single field (such sets are
// represented otherwise and no policy needs one).
[[nodiscard]] Result<NftBatch> encode_table(const nft::Table& table);

// Removes a whole table. Sending fails with ENOENT when there is none.
[[nodiscard]] NftBatch encode_removal(const std::string& table);

// Takes `remove` out of a set, then puts `add` in. Sending fails with ENOENT, and changes nothing, when one to remove is
// not there (one that has expired is not), with EEXIST or ENOTEMPTY when one to add overlaps another partly. One to add
// that is there already keeps its timeout before Linux 6.12: to restart it the element has to be in both lists.
[[nodiscard]] NftBatch encode_elements(const std::string& table, const std::string& set,
                                       const std::vector<nft::Element>& add, const std::vector<nft::Element>& remove);

// A socket for the functions below, close-on-exec. It belongs to the network namespace the caller is in and stays with it.
// Sending needs CAP_NET_ADMIN in the user namespace that owns that network namespace, both when the socket is opened and
// when it is used.
[[nodiscard]] Result<UniqueFd> open_nftables();

// The same in the network namespace `netns_fd`, which a child enters; the caller, who must be single-threaded, stays
// where it is. Where only the owner of the network namespace's user namespace may enter, the child joins that first.
[[nodiscard]] Result<UniqueFd> open_nftables_in(int netns_fd);

// Sends one transaction and reads the kernel's answers; what was asked is in force when it returns. Never waits: the
// kernel answers before the send returns. An unprivileged user's transaction is limited by net.core.wmem_max (EMSGSIZE;
// at Debian's default about 400 KB, which is some 9,000 IPv4 elements).
[[nodiscard]] Status send_batch(int socket, const NftBatch& batch);

// Names of the tables of family inet.
[[nodiscard]] Result<std::vector<std::string>> list_tables(int socket);

// What the kernel has. Chains, rules and sets in the kernel's order, which is that of their creation.
struct NftReading {
  struct Counter {
    std::string chain;
    unsigned rule = 0;  // counted from 0
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
  };
  struct Element {
    nft::Element element;          // timeout_ms in the kernel's resolution, up to 10 ms off
    std::uint64_t expires_ms = 0;  // from now; 0: never
  };
  struct Set {
    nft::Set shape;                 // its `elements` are empty
    std::vector<Element> elements;  // sorted by `first`, `last`
  };
  std::string comment;
  std::vector<nft::Chain> chains;  // the rules' texts are empty
  std::vector<Counter> counters;   // one for each nft::Count
  std::vector<Set> sets;

  [[nodiscard]] const Set* find_set(const std::string& name) const;
};

// One generation of the table, not a mixture: reads again when somebody changes tables meanwhile. ENOENT: no such table.
// EBADMSG: it holds something that runtime/base/nft.hpp has no word for, so it is not what we sent.
[[nodiscard]] Result<NftReading> read_table(int socket, const std::string& table);

// The first way in which `kernel` is not `sent`, for people ("rule 3 of output"); nothing when they agree. Contents of
// sets whose elements come and go (dynamic, with timeouts) and counter values do not matter.
[[nodiscard]] std::optional<std::string> first_difference(const nft::Table& sent, const NftReading& kernel);

}  // namespace nucleus::sys
