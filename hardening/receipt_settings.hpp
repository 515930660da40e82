// [receipt] of nucleus.toml: who vouches for receipts, and where they are kept when their containers are gone.
#pragma once

#include <string>

namespace nucleus::hardening {

struct ReceiptSettings {
  std::string key;  // file of the Ed25519 private key that signs; "" for none
  std::string log;  // file that every receipt is appended to, a line each; "" for none
  bool operator==(const ReceiptSettings&) const = default;
};

}  // namespace nucleus::hardening
