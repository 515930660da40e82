// The chain of receipts: each names the digest of the one before it, so that one that was removed, exchanged or put in
// between is missed by the next.
//
// Its end is kept in the state root ("~receipts": no container's id). Where the host's configuration names a log, the log
// is the chain: receipts outlive their containers there and the machine's boot, and state roots may share it.
//
// A runtime that is killed after it wrote a receipt and before the chain took it leaves a receipt whose number is given
// out again; its container's program has not run. A line that was written in part only is cut off by the next.
#pragma once

#include <optional>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/state/receipt.hpp"

namespace nucleus::launch {

class ReceiptChain {
 public:
  // Locked until destruction; waits ten seconds for another start. `root`: the state root's descriptor. `log`: a path, or
  // "". A file that is damaged, or that others than root and the caller may write, is an error.
  [[nodiscard]] static Result<ReceiptChain> open(int root, const std::string& log);

  // Of the receipt to come.
  [[nodiscard]] const state::ReceiptLink& next() const noexcept { return next_; }
  // The receipt with that link, signed or not. All of it is in the log, or nothing.
  [[nodiscard]] Status append(const state::Receipt& receipt);

 private:
  ReceiptChain(UniqueFd file, bool is_log) : file_(std::move(file)), is_log_(is_log) {}
  [[nodiscard]] Status read_end(const std::string& shown);
  [[nodiscard]] Status read_log(const std::string& shown);

  UniqueFd file_;
  bool is_log_;
  state::ReceiptLink next_;
};

// What the receipt after `receipt` must name as its predecessor's.
[[nodiscard]] std::string link_digest(const state::Receipt& receipt);
// 64 zeros: before the first.
[[nodiscard]] std::string no_link();

}  // namespace nucleus::launch
