// What a root file system holds, as a document that can be pinned or signed.
//
// Version 1, Nucleus's own (.nucleus-rootfs-sha256): a line of "HEX<TAB>PATH" for each regular file. Blank lines are
// skipped, names with control characters cannot be said. Modes, owners, links, devices and directories are not covered.
//
// Version 2 (.nucleus-manifest): JSON lines, one for each node, in exactly one spelling, so that the same tree gives the
// same bytes:
//   {"format":"nucleus-rootfs","version":2,"entries":N}
//   {"path":".","type":"dir","mode":"0755","uid":0,"gid":0}
//   {"path":"bin","type":"symlink","uid":0,"gid":0,"target":"usr/bin"}
//   {"path":"dev/null","type":"char","mode":"0666","uid":0,"gid":0,"rdev":"1:3"}         (block alike)
//   {"path":"run/x","type":"fifo","mode":"0600","uid":0,"gid":0}                          (socket alike)
//   {"path":"usr/bin/ping","type":"file","mode":"0755","uid":0,"gid":0,"size":1,"sha256":"HEX","xattrs":{"NAME":"BASE64"}}
// Extended attributes of note: security.capability, the POSIX ACLs, user.* and trusted.overlay.*; not labels, which are
// the host's. Times are not covered. Strings are JSON's; control characters (also U+007F to U+009F) are written \u00xx,
// and a byte that is not part of valid UTF-8 as \udcXX, as Python's surrogateescape reads and writes it.
//
// In both: paths relative to the root without ".", ".." or empty components, sorted by their bytes (the root, ".", comes
// first), none twice. The files that hold a manifest or its signature at the top of the root are not part of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hardening/digest.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

inline constexpr std::string_view kManifestV1 = ".nucleus-rootfs-sha256";
inline constexpr std::string_view kManifestV2 = ".nucleus-manifest";
inline constexpr std::string_view kSignatureSuffix = ".sig";  // of the file beside a manifest

inline constexpr std::size_t kMaxManifestBytes = std::size_t{256} << 20U;
inline constexpr std::size_t kMaxManifestEntries = 4'000'000;

enum class NodeType : std::uint8_t { file, directory, symlink, character, block, fifo, socket };
[[nodiscard]] std::string_view node_type_name(NodeType type);  // as in the document

struct ManifestEntry {
  std::string path;  // bytes, relative to the root; "." is the root itself
  NodeType type = NodeType::file;
  std::uint32_t mode = 0;  // permission, set-id and sticky bits; 0 for a symlink
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;   // of a file
  Sha256 digest{};          // of a file
  std::string target;       // of a symlink
  std::uint32_t major = 0;  // of a device
  std::uint32_t minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;  // of note, by name
  bool operator==(const ManifestEntry&) const = default;
};

struct Manifest {
  int version = 2;
  std::vector<ManifestEntry> entries;  // version 1: path and digest of files alone
  bool operator==(const Manifest&) const = default;
};

// True for the extended attributes that version 2 lists.
[[nodiscard]] bool is_xattr_of_note(std::string_view name);
// True for the path of a manifest or signature inside the root, which no manifest can list.
[[nodiscard]] bool is_manifest_name(std::string_view path);
// The order of entries.
[[nodiscard]] bool path_precedes(std::string_view a, std::string_view b);

// Either version, told by its first byte. Errors (ErrorCode::invalid_config) begin with `shown`:line:column, both from 1,
// the column counted in bytes.
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view bytes, std::string_view shown);

// The one spelling of a manifest whose entries are sorted. Error (invalid_config): a path that version 1 cannot say.
[[nodiscard]] Result<std::string> manifest_text(const Manifest& manifest);

// One entry's line without its end (version 2).
[[nodiscard]] std::string entry_text(const ManifestEntry& entry);
// A string as version 2 writes it, quotes included: also the safe way to show a path to people.
[[nodiscard]] std::string quoted_bytes(std::string_view bytes);

}  // namespace nucleus::hardening
