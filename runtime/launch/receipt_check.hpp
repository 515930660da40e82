// Receipts judged away from their container, one a line: by whoever has them and perhaps the public key. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardening/signature.hpp"
#include "runtime/state/receipt.hpp"

namespace nucleus::launch {

// With a key every receipt must carry its signature. Without one signatures are not looked at.
[[nodiscard]] Status check_receipt_signature(const state::Receipt& receipt, const hardening::PublicKey& key,
                                             const std::string& shown);

class ReceiptCheck {
 public:
  // `file` for messages, which begin with FILE:LINE.
  ReceiptCheck(std::string file, std::optional<hardening::PublicKey> key) : file_(std::move(file)), key_(key) {}

  // The next line, without its newline. Checked: the canonical form, the signature, the link to the line before it, and
  // that what the receipt itself reports was enforced.
  void add(std::string_view line);

  [[nodiscard]] const std::vector<std::string>& complaints() const noexcept { return complaints_; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t signed_count() const noexcept { return signed_; }

 private:
  void check_link(const state::Receipt& receipt, const std::string& shown);

  std::string file_;
  std::optional<hardening::PublicKey> key_;
  std::optional<state::ReceiptLink> expected_;  // of the next one; nullopt where it cannot be known
  std::vector<std::string> complaints_;
  std::size_t count_ = 0;
  std::size_t signed_ = 0;
};

}  // namespace nucleus::launch
