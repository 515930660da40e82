#include "runtime/launch/receipt_keep.hpp"

#include <fcntl.h>

#include "hardening/signature.hpp"
#include "runtime/base/io.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/receipt_chain.hpp"

namespace nucleus::launch {
namespace {

Status sign_receipt(state::Receipt& receipt, const std::string& key_file) {
  TRY_ASSIGN(const auto key, hardening::read_private_key(key_file));
  TRY_ASSIGN(const auto public_key, hardening::public_key_of(key));
  TRY_ASSIGN(const auto signature, hardening::sign(state::attested_part(receipt), key));
  std::string text = hardening::signature_text(signature);
  text.pop_back();
  receipt.signature = state::ReceiptSignature{hardening::key_id(public_key), std::move(text)};
  return {};
}

}  // namespace

Status keep_receipt(const Container& container, const hardening::ReceiptSettings& settings, state::Receipt receipt) {
  TRY_ASSIGN(const UniqueFd root, open_at(container.directory.fd(), "..", O_PATH | O_DIRECTORY));
  TRY_ASSIGN(auto chain, ReceiptChain::open(root.get(), settings.log));
  receipt.chain = chain.next();
  if (!settings.key.empty()) {
    TRY(sign_receipt(receipt, settings.key));
  }
  TRY(container.directory.write(kReceiptFile, state::to_json(receipt) + "\n"));
  return chain.append(receipt);
}

}  // namespace nucleus::launch
