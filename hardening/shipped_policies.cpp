#include "hardening/shipped_policies.hpp"

#include <algorithm>

#include "hardening/shipped_table.hpp"

namespace nucleus::hardening {

std::optional<std::string_view> shipped_file(std::string_view set, std::string_view file) {
  for (const ShippedFile& entry : shipped_table()) {
    if (entry.set == set && entry.file == file) {
      return std::string_view(reinterpret_cast<const char*>(entry.bytes), entry.size);
    }
  }
  return std::nullopt;
}

std::vector<std::string_view> shipped_sets() {
  std::vector<std::string_view> sets;
  for (const ShippedFile& entry : shipped_table()) {
    if (sets.empty() || sets.back() != entry.set) {
      sets.push_back(entry.set);
    }
  }
  std::sort(sets.begin(), sets.end());
  return sets;
}

}  // namespace nucleus::hardening
