// A receipt's way into the state directory: chained, signed where the host says so, written down.
#pragma once

#include "hardening/confinement.hpp"
#include "runtime/base/result.hpp"
#include "runtime/launch/container.hpp"
#include "runtime/state/receipt.hpp"

namespace nucleus::launch {

// A key or a log that cannot be used is an error: what the host's configuration demands of a receipt is part of it.
[[nodiscard]] Status keep_receipt(const Container& container, const hardening::ReceiptSettings& settings,
                                  state::Receipt receipt);

}  // namespace nucleus::launch
