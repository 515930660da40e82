#include "hardening/attest_compare.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "hardening/json_text.hpp"

namespace nucleus::hardening {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string octal(std::uint32_t mode) {
  const auto digit = [&](unsigned shift) { return static_cast<char>('0' + (mode >> shift & 7U)); };
  return {digit(9), digit(6), digit(3), digit(0)};
}

// What is compared of an entry, as people read it.
Fields fields_of(const ManifestEntry& entry) {
  Fields fields = {{"type", std::string(node_type_name(entry.type))}};
  if (entry.type != NodeType::symlink) {
    fields.emplace_back("mode", octal(entry.mode));
  }
  fields.emplace_back("uid", std::to_string(entry.uid));
  fields.emplace_back("gid", std::to_string(entry.gid));
  if (entry.type == NodeType::file) {
    fields.emplace_back("size", std::to_string(entry.size));
    fields.emplace_back("sha256", to_hex(entry.digest));
  } else if (entry.type == NodeType::symlink) {
    fields.emplace_back("target", quoted_bytes(entry.target));
  } else if (entry.type == NodeType::character || entry.type == NodeType::block) {
    fields.emplace_back("rdev", std::to_string(entry.major) + ":" + std::to_string(entry.minor));
  }
  return fields;
}

void compare_xattrs(const ManifestEntry& expected, const ManifestEntry& found, std::vector<FieldChange>& changes) {
  constexpr std::string_view kNone = "none";
  std::map<std::string, std::array<std::string, 2>> values;
  const auto add = [&](const ManifestEntry& entry, std::size_t side) {
    for (const auto& [name, value] : entry.xattrs) {
      auto& slot = values.try_emplace(name, std::array{std::string(kNone), std::string(kNone)}).first->second;
      slot.at(side) = "sha256:" + to_hex(sha256(value));
    }
  };
  add(expected, 0);
  add(found, 1);
  for (const auto& [name, sides] : values) {
    if (sides[0] != sides[1]) {
      const std::string quoted = quoted_bytes(name);
      changes.push_back({"xattr " + quoted.substr(1, quoted.size() - 2), sides[0], sides[1]});
    }
  }
}

std::vector<FieldChange> changes_between(const ManifestEntry& expected, const ManifestEntry& found) {
  std::vector<FieldChange> changes;
  const Fields before = fields_of(expected);
  const Fields after = fields_of(found);
  for (const auto& [name, value] : before) {
    const auto now = std::ranges::find(after, name, &Fields::value_type::first);
    if (now != after.end() && now->second != value) {
      changes.push_back({name, value, now->second});
    }
  }
  // A file of another size was not hashed.
  const bool resized = std::ranges::count(changes, "size", &FieldChange::field) != 0;
  std::erase_if(changes, [&](const FieldChange& change) { return resized && change.field == "sha256"; });
  compare_xattrs(expected, found, changes);
  return changes;
}

std::vector<FieldChange> digest_change(const ManifestEntry& expected, const ManifestEntry& found) {
  return expected.digest == found.digest
             ? std::vector<FieldChange>{}
             : std::vector<FieldChange>{{"sha256", to_hex(expected.digest), to_hex(found.digest)}};
}

std::string_view word_of(Difference::Kind kind) {
  constexpr std::array<std::string_view, 3> kWords = {"missing", "extra", "changed"};
  return kWords.at(static_cast<std::size_t>(kind));
}

}  // namespace

std::vector<Difference> compare(const Manifest& expected, const Manifest& found) {
  using Kind = Difference::Kind;
  std::vector<Difference> out;
  const bool files_only = expected.version == 1;
  auto want = expected.entries.begin();
  for (const auto& node : found.entries) {
    if (files_only && node.type != NodeType::file) {
      continue;
    }
    for (; want != expected.entries.end() && path_precedes(want->path, node.path); ++want) {
      out.push_back({Kind::missing, want->path, {}});
    }
    if (want == expected.entries.end() || want->path != node.path) {
      out.push_back({Kind::extra, node.path, {}});
      continue;
    }
    if (files_only || *want != node) {
      auto changes = files_only ? digest_change(*want, node) : changes_between(*want, node);
      if (!changes.empty() || !files_only) {
        out.push_back({Kind::changed, node.path, std::move(changes)});
      }
    }
    ++want;
  }
  for (; want != expected.entries.end(); ++want) {
    out.push_back({Kind::missing, want->path, {}});
  }
  return out;
}

std::string describe(const Difference& difference) {
  std::string text = std::string(word_of(difference.kind)) + " " + quoted_bytes(difference.path);
  std::vector<std::string> parts;
  for (const auto& change : difference.changes) {
    parts.push_back(change.field + " " + change.expected + ", now " + change.found);
  }
  return parts.empty() ? text : text + ": " + join(parts, "; ");
}

std::string summary(const std::vector<Difference>& differences) {
  constexpr std::size_t kShown = 5;
  std::vector<std::string> parts;
  for (const auto kind : {Difference::Kind::changed, Difference::Kind::extra, Difference::Kind::missing}) {
    std::size_t count = 0;
    for (const auto& difference : differences) {
      if (difference.kind == kind && ++count <= kShown) {
        parts.push_back(describe(difference));
      }
    }
    if (count > kShown) {
      parts.push_back("and " + std::to_string(count - kShown) + " more " + std::string(word_of(kind)));
    }
  }
  return join(parts, "; ");
}

}  // namespace nucleus::hardening
