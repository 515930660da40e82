// How a tree differs from its manifest, precisely.
#pragma once

#include <string>
#include <vector>

#include "hardening/attest_manifest.hpp"

namespace nucleus::hardening {

struct FieldChange {
  std::string field;  // as the document names it: "mode", "sha256", "xattr security.capability"
  std::string expected;
  std::string found;
  bool operator==(const FieldChange&) const = default;
};

struct Difference {
  enum class Kind : std::uint8_t { missing, extra, changed };
  Kind kind = Kind::changed;
  std::string path;                  // bytes
  std::vector<FieldChange> changes;  // of a changed node
  bool operator==(const Difference&) const = default;
};

// In the order of paths. `found` lists every node of the tree (version 2), sorted. A manifest of version 1 is compared
// with the files alone, and content alone.
[[nodiscard]] std::vector<Difference> compare(const Manifest& expected, const Manifest& found);

// "changed \"bin/su\": mode 0755, now 4755": one line for people, safe to show whatever the tree's names are.
[[nodiscard]] std::string describe(const Difference& difference);

// One line for an error: how many of each kind, and the first few by name. "" when there are none.
[[nodiscard]] std::string summary(const std::vector<Difference>& differences);

}  // namespace nucleus::hardening
