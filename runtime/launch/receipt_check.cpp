#include "runtime/launch/receipt_check.hpp"

#include "runtime/launch/receipt_chain.hpp"

namespace nucleus::launch {

Status check_receipt_signature(const state::Receipt& receipt, const hardening::PublicKey& key,
                               const std::string& shown) {
  if (!receipt.signature) {
    return fail(ErrorCode::policy, shown + ": not signed");
  }
  TRY_ASSIGN(const auto signature, hardening::parse_signature(receipt.signature->value + "\n", shown));
  TRY(hardening::check_signature(state::attested_part(receipt), signature, key, shown));
  if (hardening::signature_text(signature) != receipt.signature->value + "\n") {
    return fail(ErrorCode::policy, shown + ": its signature is spelled in another way than it was made");
  }
  return receipt.signature->key == hardening::key_id(key)
             ? Status{}
             : fail(ErrorCode::policy, shown + ": names another key than the one that signed it");
}

void ReceiptCheck::check_link(const state::Receipt& receipt, const std::string& shown) {
  if (!receipt.chain) {
    complaints_.push_back(shown + ": of no chain");
    expected_.reset();
    return;
  }
  const state::ReceiptLink& link = *receipt.chain;
  if (link.sequence == 0 || (link.sequence == 1) != (link.previous == no_link())) {
    complaints_.push_back(shown + ": number " + std::to_string(link.sequence) + " of its chain, but names " +
                          (link.previous == no_link() ? "none" : link.previous) + " before it");
  }
  if (expected_ && link.sequence != expected_->sequence) {
    complaints_.push_back(shown + ": number " + std::to_string(link.sequence) + " of its chain where " +
                          std::to_string(expected_->sequence) + " is due");
  } else if (expected_ && link.previous != expected_->previous) {
    complaints_.push_back(shown + ": does not follow the receipt before it (names " + link.previous + ", which has " +
                          expected_->previous + ")");
  }
  expected_ = state::ReceiptLink{link.sequence + 1, link_digest(receipt)};
}

void ReceiptCheck::add(std::string_view line) {
  ++count_;
  const std::string shown = file_ + ":" + std::to_string(count_);
  const auto receipt = state::parse_receipt(line, shown);
  if (!receipt) {
    complaints_.push_back(receipt.error().text);
    expected_.reset();
    return;
  }
  if (key_) {
    const Status signature = check_receipt_signature(*receipt, *key_, shown);
    signed_ += signature ? 1 : 0;
    if (!signature) {
      complaints_.push_back(signature.error().text);
    }
  }
  check_link(*receipt, shown);
  for (const auto& item : receipt->mismatches()) {
    complaints_.push_back(shown + ": container " + receipt->id + ": " + item.control + " was \"" + item.observed +
                          "\", planned \"" + item.expected + "\"");
  }
}

}  // namespace nucleus::launch
