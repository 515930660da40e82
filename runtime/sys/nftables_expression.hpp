// The expressions of a rule as nf_tables' attributes, both ways.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/base/nft.hpp"
#include "runtime/sys/nftables_message.hpp"

namespace nucleus::sys {

// Registers are 16 words of 4 bytes; a value that begins in `first` has to end in the last one.
[[nodiscard]] bool fits_registers(nft::Register first, std::size_t size);

// False: its values do not fit their registers or attributes.
[[nodiscard]] bool is_encodable(const nft::Expression& expression);

// The list that NFTA_RULE_EXPRESSIONS holds.
void write_expressions(MessageWriter& writer, const std::vector<nft::Expression>& expressions);

struct CounterValue {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};
struct RuleReading {
  std::vector<nft::Expression> expressions;
  std::vector<CounterValue> counters;  // one for each nft::Count
};
// Nothing: malformed, or not among what nft::Expression can say.
[[nodiscard]] std::optional<RuleReading> read_expressions(std::string_view list);

[[nodiscard]] inline std::string_view as_text(const nft::Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline nft::Bytes as_bytes(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace nucleus::sys
