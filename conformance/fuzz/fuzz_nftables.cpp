// Messages as the kernel might answer. What the reader understands can be encoded, and reads back the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "conformance/fuzz/require.hpp"
#include "runtime/sys/nftables.hpp"
#include "runtime/sys/nftables_decode.hpp"

using namespace nucleus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto reading = sys::decode_messages({reinterpret_cast<const char*>(data), size}, "x");
  if (!reading) {
    return 0;
  }
  nft::Table table{.name = "x", .comment = reading->comment, .sets = {}, .chains = reading->chains};
  for (const auto& set : reading->sets) {
    table.sets.push_back(set.shape);
    for (const auto& item : set.elements) {
      table.sets.back().elements.push_back(item.element);
    }
  }
  const auto batch = sys::encode_table(table);
  if (!batch) {
    return 0;
  }
  const auto again = sys::decode_messages(batch->bytes, "x");
  REQUIRE(again);
  // Two objects of one name are taken for one: the kernel has no such table.
  bool unique = true;
  for (const auto& chain : table.chains) {
    unique = unique && &chain == &table.chains.front();
  }
  for (const auto& set : table.sets) {
    unique = unique && &set == &table.sets.front();
  }
  REQUIRE(!unique || !sys::first_difference(table, *again));
  return 0;
}
