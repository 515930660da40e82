// Writing manifests.
#include <algorithm>
#include <array>

#include "hardening/attest_manifest.hpp"
#include "hardening/base64.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::array<std::string_view, 7> kTypeNames = {"file", "dir", "symlink", "char", "block", "fifo", "socket"};

unsigned byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

bool continues(std::string_view text, std::size_t at, unsigned low = 0x80, unsigned high = 0xBF) {
  return at < text.size() && byte_at(text, at) >= low && byte_at(text, at) <= high;
}

// The length of the well-formed UTF-8 sequence that begins at `at` (Unicode, table 3-7), 0 when there is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const unsigned lead = byte_at(text, at);
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    return continues(text, at + 1) ? 2 : 0;
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool second = continues(text, at + 1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
    return second && continues(text, at + 2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool second = continues(text, at + 1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    return second && continues(text, at + 2) && continues(text, at + 3) ? 4 : 0;
  }
  return 0;
}

void append_escape(std::string& out, std::string_view page, unsigned byte) {
  out += "\\u";
  out += page;
  out += kHex[byte >> 4U];
  out += kHex[byte & 0xFU];
}

std::string octal(std::uint32_t mode) {
  std::string text = "0000";
  for (std::size_t i = 0; i < text.size(); ++i) {
    text[text.size() - 1 - i] = static_cast<char>('0' + (mode >> 3 * i & 7U));
  }
  return text;
}

std::string member(std::string_view name, std::uint64_t number) {
  return ",\"" + std::string(name) + "\":" + std::to_string(number);
}

std::string special_members(const ManifestEntry& entry) {
  switch (entry.type) {
    case NodeType::file:
      return member("size", entry.size) + ",\"sha256\":\"" + to_hex(entry.digest) + "\"";
    case NodeType::symlink:
      return ",\"target\":" + quoted_bytes(entry.target);
    case NodeType::character:
    case NodeType::block:
      return ",\"rdev\":\"" + std::to_string(entry.major) + ":" + std::to_string(entry.minor) + "\"";
    default:
      return "";
  }
}

std::string xattr_members(const ManifestEntry& entry) {
  std::string text;
  for (const auto& [name, value] : entry.xattrs) {
    text += (text.empty() ? ",\"xattrs\":{" : ",") + quoted_bytes(name) + ":\"" + to_base64(value) + "\"";
  }
  return text.empty() ? text : text + "}";
}

bool says_version_1(std::string_view path) {
  return std::ranges::none_of(path, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; });
}

Result<std::string> version_1_text(const Manifest& manifest) {
  std::string out;
  for (const auto& entry : manifest.entries) {
    if (entry.type != NodeType::file) {
      continue;
    }
    if (!says_version_1(entry.path)) {
      return fail(
          ErrorCode::invalid_config,
          quoted_bytes(entry.path) + ": version 1 of the manifest has no way to write this name: use version 2");
    }
    out += to_hex(entry.digest) + "\t" + entry.path + "\n";
  }
  return out;
}

}  // namespace

std::string_view node_type_name(NodeType type) { return kTypeNames.at(static_cast<std::size_t>(type)); }

bool is_xattr_of_note(std::string_view name) {
  return name == "security.capability" || name == "system.posix_acl_access" || name == "system.posix_acl_default" ||
         name.starts_with("user.") || name.starts_with("trusted.overlay.");
}

bool is_manifest_name(std::string_view path) {
  if (path.ends_with(kSignatureSuffix)) {
    path.remove_suffix(kSignatureSuffix.size());
  }
  return path == kManifestV1 || path == kManifestV2;
}

bool path_precedes(std::string_view a, std::string_view b) {
  const auto key = [](std::string_view path) { return path == "." ? std::string_view() : path; };
  return key(a) < key(b);
}

std::string quoted_bytes(std::string_view bytes) {
  std::string out = "\"";
  for (std::size_t at = 0; at < bytes.size();) {
    const unsigned byte = byte_at(bytes, at);
    const std::size_t length = sequence_length(bytes, at);
    if (length == 0) {
      append_escape(out, "dc", byte);
    } else if (byte < 0x20 || byte == 0x7F) {
      append_escape(out, "00", byte);
    } else if (byte == 0xC2 && byte_at(bytes, at + 1) < 0xA0) {
      append_escape(out, "00", byte_at(bytes, at + 1));
    } else {
      out += byte == '"' || byte == '\\' ? "\\" : "";
      out += bytes.substr(at, length);
    }
    at += std::max<std::size_t>(length, 1);
  }
  return out + "\"";
}

std::string entry_text(const ManifestEntry& entry) {
  std::string out = "{\"path\":" + quoted_bytes(entry.path) + ",\"type\":\"" + std::string(node_type_name(entry.type));
  out += entry.type == NodeType::symlink ? "\"" : "\",\"mode\":\"" + octal(entry.mode) + "\"";
  out += member("uid", entry.uid) + member("gid", entry.gid);
  return out + special_members(entry) + xattr_members(entry) + "}";
}

Result<std::string> manifest_text(const Manifest& manifest) {
  if (manifest.version == 1) {
    return version_1_text(manifest);
  }
  std::string out = R"({"format":"nucleus-rootfs","version":2,"entries":)" + std::to_string(manifest.entries.size());
  out += "}\n";
  for (const auto& entry : manifest.entries) {
    out += entry_text(entry) + "\n";
  }
  return out;
}

}  // namespace nucleus::hardening
