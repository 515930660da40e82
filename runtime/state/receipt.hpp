// A receipt: what the kernel reported about a container after set-up and before its first instruction, next to what
// the plan asked for. Its JSON schema is packaging/schema/receipt.schema.json.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace nucleus::state {

struct ReceiptItem {
  std::string control;   // "capabilities.bounding", "seccomp.mode", "mount /proc" ...
  std::string expected;  // "" when the plan asked for nothing: the observation is recorded only
  std::string observed;
  bool matches = true;
  bool operator==(const ReceiptItem&) const = default;
};

// Where a receipt stands among those of its state root: a removed, exchanged or repeated one breaks the chain.
struct ReceiptLink {
  std::uint64_t sequence = 1;
  std::string previous;  // hex SHA-256 of the receipt before it (attested_part()); zeros for the first
  bool operator==(const ReceiptLink&) const = default;
};

struct ReceiptSignature {
  std::string key;    // hex SHA-256 of the raw public key
  std::string value;  // Ed25519 over attested_part(), base64
  bool operator==(const ReceiptSignature&) const = default;
};

struct Receipt {
  std::string id;
  std::string taken;  // RFC 3339, UTC
  std::string mode;
  std::string policy;
  std::map<std::string, std::string> digests;  // name -> hex SHA-256: config, rewritten, policy, seccomp
  std::vector<ReceiptItem> items;
  std::optional<ReceiptLink> chain;           // absent from readings that are not kept (`receipt --live`)
  std::optional<ReceiptSignature> signature;  // where the host's configuration names a key
  bool operator==(const Receipt&) const = default;

  [[nodiscard]] std::vector<ReceiptItem> mismatches() const;
};

// Canonical JSON (RFC 8785): sorted members, no white space, no newline. The same receipt gives the same bytes everywhere.
[[nodiscard]] std::string to_json(const Receipt& receipt);
// What a signature and the next link cover: the same without the member "signature".
[[nodiscard]] std::string attested_part(const Receipt& receipt);

// Accepts those bytes only, a newline after them excepted: in a second spelling of a receipt, something could differ that
// neither signature nor reader sees. Errors (ErrorCode::state) name `file`.
[[nodiscard]] Result<Receipt> parse_receipt(std::string_view json, std::string_view file);

}  // namespace nucleus::state
