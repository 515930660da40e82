// One option a line. What the parser makes of them keeps the promises mount_setattr(2) and fsconfig(2) rely on.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/fuzz/require.hpp"
#include "oci/mount_options.hpp"

namespace {

using namespace nucleus::oci;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines(1);
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  return lines;
}

void check_attributes(const MountAttributeChange& change) {
  const bool sets_atime = (change.set & mount_attr::kAtimeMask) != 0;
  REQUIRE(!sets_atime || (change.clear & mount_attr::kAtimeMask) == mount_attr::kAtimeMask);
  REQUIRE((change.set & mount_attr::kAtimeMask) != mount_attr::kAtimeMask);
}

// Where a later option does not contradict it, an option asked for is in force.
void check_last_word(const std::vector<std::string>& options, const MountOptionSet& set) {
  const MountOption* const last = find_mount_option(options.back());
  if (last != nullptr && last->kind == MountOptionKind::attribute) {
    REQUIRE((set.own.set & last->set) == last->set);
    REQUIRE((set.own.set & last->clear & ~last->set) == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> options = lines_of({reinterpret_cast<const char*>(data), size});
  const MountOptionSet set = parse_mount_options(options);
  check_attributes(set.own);
  check_attributes(set.tree);
  check_last_word(options, set);
  for (const std::string& option : set.data) {
    REQUIRE(find_mount_option(option) == nullptr);
  }
  for (const std::string& option : options) {
    const bool known = find_mount_option(option) != nullptr;
    REQUIRE(!known || check_mount_option(option));
  }
  REQUIRE(!set.recursive || set.bind);
  REQUIRE(!set.idmap_recursive || set.idmap);
  return 0;
}
