// Reading manifests. Each line is scanned for what it says and then written again: only the one spelling is taken, so
// nothing can hide in a second one.
#include <algorithm>
#include <charconv>
#include <climits>
#include <optional>

#include "hardening/attest_line.hpp"
#include "hardening/attest_manifest.hpp"
#include "hardening/base64.hpp"

namespace nucleus::hardening {
namespace {

using Line = ManifestLine;

constexpr std::size_t kMaxXattrs = 64;

// What is wrong with a path, if anything.
std::optional<std::string> path_problem(std::string_view path) {
  if (path.empty() || path.size() >= PATH_MAX) {
    return "a path has 1 to " + std::to_string(PATH_MAX - 1) + " bytes";
  }
  if (path.starts_with('/')) {
    return "a path must be relative to the root";
  }
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    const auto part = path.substr(from, end - from);
    if (part.empty() || part == "." || part == "..") {
      return R"(a path must not have empty, "." or ".." components)";
    }
    from = end + 1;
  }
  return is_manifest_name(path) ? std::optional<std::string>("a manifest does not list " + std::string(path))
                                : std::nullopt;
}

std::optional<std::string> order_problem(const Manifest& manifest, const std::string& path) {
  if (manifest.entries.empty() || path_precedes(manifest.entries.back().path, path)) {
    return std::nullopt;
  }
  return quoted_bytes(path) + (manifest.entries.back().path == path ? " is listed twice" : " is not in order") +
         ": entries are sorted by the bytes of their paths";
}

Result<NodeType> node_type(Line& line) {
  const std::size_t at = line.at();
  TRY_ASSIGN(const auto name, line.word());
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(NodeType::socket); ++i) {
    if (node_type_name(static_cast<NodeType>(i)) == name) {
      return static_cast<NodeType>(i);
    }
  }
  return line.fail_at(at, "unknown type; there are file, dir, symlink, char, block, fifo, socket");
}

Result<std::uint32_t> octal_mode(Line& line) {
  const std::size_t at = line.at();
  TRY_ASSIGN(const auto text, line.word());
  std::uint32_t mode = 0;
  const auto* const end = text.data() + text.size();
  if (text.size() != 4 || std::from_chars(text.data(), end, mode, 8).ptr != end) {
    return line.fail_at(at, "mode: expected four octal digits");
  }
  return mode;
}

Status file_members(Line& line, ManifestEntry& entry) {
  TRY(line.expect(",\"size\":"));
  TRY_ASSIGN(entry.size, line.number<std::uint64_t>());
  TRY(line.expect(",\"sha256\":"));
  const std::size_t at = line.at();
  TRY_ASSIGN(const auto hex, line.word());
  const auto digest = parse_sha256(hex);
  if (!digest) {
    return line.fail_at(at, "sha256: expected 64 hexadecimal digits");
  }
  entry.digest = *digest;
  return {};
}

Status device_members(Line& line, ManifestEntry& entry) {
  TRY(line.expect(",\"rdev\":\""));
  TRY_ASSIGN(entry.major, line.number<std::uint32_t>());
  TRY(line.expect(":"));
  TRY_ASSIGN(entry.minor, line.number<std::uint32_t>());
  return line.expect("\"");
}

Status special_members(Line& line, ManifestEntry& entry) {
  switch (entry.type) {
    case NodeType::file:
      return file_members(line, entry);
    case NodeType::symlink: {
      TRY(line.expect(",\"target\":"));
      const std::size_t at = line.at();
      TRY_ASSIGN(entry.target, line.quoted());
      const bool possible = !entry.target.empty() && entry.target.size() < PATH_MAX;
      return possible ? Status{} : line.fail_at(at, "target: expected 1 to " + std::to_string(PATH_MAX - 1) + " bytes");
    }
    case NodeType::character:
    case NodeType::block:
      return device_members(line, entry);
    default:
      return {};
  }
}

Status xattr_members(Line& line, ManifestEntry& entry) {
  if (!line.take(",\"xattrs\":{")) {
    return {};
  }
  do {
    const std::size_t at = line.at();
    TRY_ASSIGN(auto name, line.quoted());
    if (!is_xattr_of_note(name)) {
      return line.fail_at(at, "xattrs: a manifest does not list " + quoted_bytes(name));
    }
    if (!entry.xattrs.empty() && entry.xattrs.back().first >= name) {
      return line.fail_at(at, "xattrs: must be sorted by name, none twice");
    }
    TRY(line.expect(":"));
    const std::size_t value_at = line.at();
    TRY_ASSIGN(const auto text, line.word());
    auto value = from_base64(text);
    if (!value || entry.xattrs.size() == kMaxXattrs) {
      return line.fail_at(value_at,
                          "xattrs: expected base64, and not more than " + std::to_string(kMaxXattrs) + " of it");
    }
    entry.xattrs.emplace_back(std::move(name), std::move(*value));
  } while (line.take(","));
  return line.expect("}");
}

Result<ManifestEntry> parse_entry(Line& line) {
  ManifestEntry entry;
  TRY(line.expect("{\"path\":"));
  TRY_ASSIGN(entry.path, line.quoted());
  TRY(line.expect(",\"type\":"));
  TRY_ASSIGN(entry.type, node_type(line));
  if (entry.type != NodeType::symlink) {
    TRY(line.expect(",\"mode\":"));
    TRY_ASSIGN(entry.mode, octal_mode(line));
  }
  TRY(line.expect(",\"uid\":"));
  TRY_ASSIGN(entry.uid, line.number<std::uint32_t>());
  TRY(line.expect(",\"gid\":"));
  TRY_ASSIGN(entry.gid, line.number<std::uint32_t>());
  TRY(special_members(line, entry));
  TRY(xattr_members(line, entry));
  TRY(line.expect("}"));
  if (!line.rest().empty()) {
    return line.fail_here("expected the end of the line");
  }
  const std::string again = entry_text(entry);
  if (again != line.text()) {
    const auto differs = std::ranges::mismatch(again, line.text()).in2 - line.text().begin();
    return line.fail_at(static_cast<std::size_t>(differs), "not in the one spelling a manifest has");
  }
  return entry;
}

Status add_version_2(Manifest& manifest, Line& line) {
  TRY_ASSIGN(auto entry, parse_entry(line));
  const bool root = manifest.entries.empty();
  if (root != (entry.path == ".") || (root && entry.type != NodeType::directory)) {
    return line.fail_at(0, R"(the first entry, and no other, is the root directory ".")");
  }
  if (const auto problem = root ? std::nullopt : path_problem(entry.path)) {
    return line.fail_at(8, *problem);
  }
  if (const auto problem = order_problem(manifest, entry.path)) {
    return line.fail_at(8, *problem);
  }
  manifest.entries.push_back(std::move(entry));
  return {};
}

Status add_version_1(Manifest& manifest, Line& line) {
  constexpr std::size_t kHexDigits = 64;
  const auto hex = line.text().substr(0, kHexDigits);
  const auto digest = parse_sha256(hex);
  if (!digest || std::ranges::any_of(hex, [](char c) { return c >= 'A' && c <= 'F'; })) {
    return line.fail_at(0, "expected the 64 lower-case hexadecimal digits of a SHA-256");
  }
  if (line.text().substr(kHexDigits, 1) != "\t") {
    return line.fail_at(kHexDigits, "expected a tab and a path");
  }
  ManifestEntry entry;
  entry.digest = *digest;
  entry.path = line.text().substr(kHexDigits + 1);
  const auto control = std::ranges::find_if(entry.path, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; });
  if (control != entry.path.end()) {
    return line.fail_at(kHexDigits + 1 + static_cast<std::size_t>(control - entry.path.begin()),
                        "a control character in a path");
  }
  if (const auto problem = path_problem(entry.path)) {
    return line.fail_at(kHexDigits + 1, *problem);
  }
  if (const auto problem = order_problem(manifest, entry.path)) {
    return line.fail_at(kHexDigits + 1, *problem);
  }
  manifest.entries.push_back(std::move(entry));
  return {};
}

Result<std::size_t> parse_header(Line& line) {
  TRY(line.expect(R"({"format":"nucleus-rootfs","version":)"));
  const std::size_t at = line.at();
  TRY_ASSIGN(const auto version, line.number<std::uint32_t>());
  if (version != 2) {
    return line.fail_at(at, "version " + std::to_string(version) + " is not known");
  }
  TRY(line.expect(",\"entries\":"));
  TRY_ASSIGN(const auto entries, line.number<std::uint32_t>());
  if (line.rest() != "}") {
    return line.fail_here("expected } and the end of the line");
  }
  return entries;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view bytes, std::string_view shown) {
  Manifest manifest;
  manifest.version = bytes.starts_with('{') ? 2 : 1;
  std::size_t announced = 0;
  std::size_t number = 0;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    Line line(bytes.substr(0, end), shown, ++number);
    if (end == std::string_view::npos) {
      return line.fail_at(line.text().size(), "the line does not end: the manifest is cut off");
    }
    bytes.remove_prefix(end + 1);
    if (manifest.entries.size() == kMaxManifestEntries) {
      return line.fail_here("more than " + std::to_string(kMaxManifestEntries) + " entries");
    }
    if (manifest.version == 2 && number == 1) {
      TRY_ASSIGN(announced, parse_header(line));
    } else if (manifest.version == 2) {
      TRY(add_version_2(manifest, line));
    } else if (!line.text().empty()) {
      TRY(add_version_1(manifest, line));
    }
  }
  const Line last("", shown, number + 1);
  if (manifest.entries.empty()) {
    return last.fail_here("the manifest is empty");
  }
  if (manifest.version == 2 && announced != manifest.entries.size()) {
    return last.fail_here("the first line announces " + std::to_string(announced) + " entries, there are " +
                          std::to_string(manifest.entries.size()));
  }
  return manifest;
}

}  // namespace nucleus::hardening
