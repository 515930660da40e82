#include "runtime/launch/attest.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "hardening/json_text.hpp"
#include "runtime/base/io.hpp"
#include "runtime/sys/root_dir.hpp"

namespace nucleus::launch {
namespace {

using hardening::Manifest;
using hardening::ManifestEntry;
using hardening::NodeType;

class Sha256Content : public sys::ContentHash {
 public:
  void update(std::string_view bytes) override { stream_.update(bytes); }
  std::array<std::uint8_t, 32> finish() override { return stream_.finish(); }

 private:
  hardening::Sha256Stream stream_;
};

constexpr std::uint32_t kSetId = S_ISUID | S_ISGID;

template <typename AnyManifest>
auto* find_entry(AnyManifest& manifest, std::string_view path) {
  const auto hit = std::ranges::lower_bound(manifest.entries, path, hardening::path_precedes, &ManifestEntry::path);
  const bool there = hit != manifest.entries.end() && hit->path == path;
  return there ? &*hit : nullptr;
}

bool may_match(const Manifest& expected, std::string_view path, std::uint64_t size) {
  const auto* const entry = find_entry(expected, path);
  return entry != nullptr && entry->type == NodeType::file && (expected.version == 1 || entry->size == size);
}

// Manifests and signatures are not listed, but nothing that could run passes for one.
Result<bool> is_left_out(const sys::TreeNode& node) {
  constexpr mode_t kRuns = S_ISUID | S_ISGID | S_IXUSR | S_IXGRP | S_IXOTH;
  const bool named = S_ISREG(node.mode) && hardening::is_manifest_name(node.path);
  if (named && (node.mode & kRuns) != 0) {
    return fail(ErrorCode::policy, node.path + " is executable or set-id, which manifests and signatures are not");
  }
  return named;
}

NodeType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return NodeType::directory;
    case S_IFLNK:
      return NodeType::symlink;
    case S_IFCHR:
      return NodeType::character;
    case S_IFBLK:
      return NodeType::block;
    case S_IFIFO:
      return NodeType::fifo;
    case S_IFSOCK:
      return NodeType::socket;
    default:
      return NodeType::file;
  }
}

std::uint32_t outside(std::uint32_t id, const std::vector<oci::IdMapping>& mappings) {
  for (const auto& mapping : mappings) {
    if (id >= mapping.container_id && id - mapping.container_id < mapping.size) {
      return mapping.host_id + (id - mapping.container_id);
    }
  }
  return id;
}

ManifestEntry entry_of(sys::TreeNode node, const TreeView& view) {
  ManifestEntry out;
  out.path = std::move(node.path);
  out.type = type_of(node.mode);
  out.mode = out.type == NodeType::symlink ? 0 : static_cast<std::uint32_t>(node.mode) & 07777U;
  out.uid = outside(node.uid, view.uids);
  out.gid = outside(node.gid, view.gids);
  out.size = node.size;
  out.digest = node.digest;
  out.target = std::move(node.target);
  out.major = major(node.rdev);
  out.minor = minor(node.rdev);
  out.xattrs = std::move(node.xattrs);
  return out;
}

// For whoever waits at a terminal; nothing for the first half second.
class TerminalProgress {
 public:
  void operator()(const sys::TreeProgress& progress) {
    constexpr auto kSilent = std::chrono::milliseconds(500);
    if (!shown_ && std::chrono::steady_clock::now() - start_ < kSilent) {
      return;
    }
    shown_ = true;
    constexpr double kMega = 1e6;
    static_cast<void>(std::fprintf(stderr, "\rreading the rootfs: %llu files, %.0f MB ",
                                   static_cast<unsigned long long>(progress.nodes),
                                   static_cast<double>(progress.bytes) / kMega));
    static_cast<void>(std::fflush(stderr));
  }
  void end() const {
    if (shown_) {
      static_cast<void>(std::fputs("\r\x1b[K", stderr));
    }
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  bool shown_ = false;
};

std::size_t most_nodes(const Manifest* expected) {
  constexpr std::size_t kMoreThanListed = 10'000;  // to name some of them; then it is hopeless
  const bool lists_all = expected != nullptr && expected->version == 2;
  return lists_all ? expected->entries.size() + kMoreThanListed : hardening::kMaxManifestEntries;
}

Result<std::vector<sys::TreeNode>> read_nodes(int root, const Manifest* expected) {
  TerminalProgress progress;
  sys::TreeReadOptions options;
  options.make_hash = [] { return std::make_unique<Sha256Content>(); };
  options.wants_content = [expected](std::string_view path, std::uint64_t size) {
    return expected == nullptr || may_match(*expected, path, size);
  };
  options.wants_xattr = hardening::is_xattr_of_note;
  options.max_nodes = most_nodes(expected);
  if (::isatty(STDERR_FILENO) == 1) {
    options.progress = [&](const sys::TreeProgress& now) { progress(now); };
  }
  auto nodes = sys::read_tree(root, options);
  progress.end();
  return nodes;
}

// Version 1 lists what symlinks lead to under the link's name.
Result<std::optional<hardening::Sha256>> behind_links(int root, const std::string& path) {
  constexpr std::uint64_t kInside = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  constexpr std::size_t kChunk = 256 * 1024;
  struct stat status {};
  const auto seen = sys::open_resolved(root, path, O_PATH, 0, kInside);
  if (!seen || ::fstat(seen->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  const auto file = sys::open_resolved(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, kInside);
  if (!file) {
    return std::nullopt;
  }
  hardening::Sha256Stream stream;
  std::vector<char> buffer(kChunk);
  for (;;) {
    const ssize_t got = ::read(file->get(), buffer.data(), buffer.size());
    if (got < 0 && errno != EINTR) {
      return fail(ErrorCode::policy, hardening::quoted_bytes(path) + ": cannot be read");
    }
    if (got == 0) {
      return stream.finish();
    }
    stream.update({buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))});
  }
}

Status add_files_behind_links(int root, const Manifest& expected, Manifest& found) {
  std::vector<ManifestEntry> more;
  for (const auto& wanted : expected.entries) {
    const auto* const there = find_entry(found, wanted.path);
    if (there != nullptr && there->type != NodeType::symlink) {
      continue;
    }
    TRY_ASSIGN(const auto digest, behind_links(root, wanted.path));
    if (digest) {
      more.emplace_back().path = wanted.path;
      more.back().digest = *digest;
    }
  }
  std::erase_if(found.entries, [&](const ManifestEntry& link) {  // `more` is sorted as the manifest is
    return std::ranges::binary_search(more, link.path, hardening::path_precedes, &ManifestEntry::path);
  });
  std::ranges::move(more, std::back_inserter(found.entries));
  std::ranges::sort(found.entries, hardening::path_precedes, &ManifestEntry::path);
  return {};
}

// What every copy keeps: one in a user namespace has other owners, and then no set-id bits and fewer attributes.
ManifestEntry copied(ManifestEntry entry) {
  entry.uid = entry.gid = 0;
  entry.xattrs.clear();
  return entry;
}

Status judge(const std::vector<hardening::Difference>& found, const hardening::Attestation& attestation) {
  if (!found.empty()) {
    return fail(ErrorCode::policy, "the rootfs is not what " + attestation.path + " (sha256:" + attestation.digest +
                                       ") says: " + hardening::summary(found));
  }
  return {};
}

}  // namespace

Result<Manifest> read_manifest(int root, const Manifest* expected, const TreeView& view) {
  TRY_ASSIGN(auto nodes, read_nodes(root, expected));
  Manifest out;
  out.entries.reserve(nodes.size());
  for (auto& node : nodes) {
    TRY_ASSIGN(const bool left_out, is_left_out(node));
    if (!left_out) {
      out.entries.push_back(entry_of(std::move(node), view));
    }
  }
  std::ranges::sort(out.entries, hardening::path_precedes, &ManifestEntry::path);
  return out;
}

Result<std::vector<hardening::Difference>> differences(int root, const Manifest& expected, const TreeView& view) {
  TRY_ASSIGN(auto found, read_manifest(root, &expected, view));
  if (expected.version == 1) {
    TRY(add_files_behind_links(root, expected, found));
  }
  return hardening::compare(expected, found);
}

Status attest_root(int root, const hardening::Attestation& attestation, const TreeView& view) {
  TRY_ASSIGN(const auto found, differences(root, attestation.manifest, view).map_error([](Error error) {
    return std::move(error).with("attestation of the rootfs");
  }));
  return judge(found, attestation);
}

Status attest_copy(int root, const hardening::Attestation& attestation) {
  const Manifest& original = attestation.manifest;
  TRY_ASSIGN(auto found, read_manifest(root, &original).map_error([](Error error) {
    return std::move(error).with("attestation of the copied rootfs");
  }));
  if (original.version == 1) {
    TRY(add_files_behind_links(root, original, found));
    return judge(hardening::compare(original, found), attestation);
  }
  Manifest expected;
  for (const auto& entry : original.entries) {
    auto* const copy = find_entry(found, entry.path);
    const bool device = entry.type == NodeType::character || entry.type == NodeType::block;
    if (copy != nullptr || !device) {
      expected.entries.push_back(copied(entry));
    }
    if (copy != nullptr) {
      copy->mode |= entry.mode & kSetId;
      *copy = copied(std::move(*copy));
    }
  }
  return judge(hardening::compare(expected, found), attestation);
}

}  // namespace nucleus::launch
