// A receipt: what the kernel reported about a container after set-up and before its first instruction, next to what
// the plan asked for.
#pragma once

#include <map>
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

struct Receipt {
  std::string id;
  std::string taken;  // RFC 3339, UTC
  std::string mode;
  std::string policy;
  std::map<std::string, std::string> digests;  // name -> hex SHA-256: config, rewritten, policy, seccomp
  std::vector<ReceiptItem> items;
  bool operator==(const Receipt&) const = default;

  [[nodiscard]] std::vector<ReceiptItem> mismatches() const;
};

// Canonical JSON: members in fixed order, no insignificant white space when `indent` < 0.
[[nodiscard]] std::string to_json(const Receipt& receipt, int indent = -1);
[[nodiscard]] Result<Receipt> parse_receipt(std::string_view json, std::string_view file);

}  // namespace nucleus::state
