// attest create|verify|sign: manifests of root file systems. Options may stand before and after the arguments.
#include <fcntl.h>

#include <algorithm>
#include <array>

#include "hardening/policy_files.hpp"
#include "oci/bundle.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/cli/command.hpp"
#include "runtime/launch/attest.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {
    {"bundle", 'b', "DIR", "create, verify: the root of this bundle instead of ROOTFS"},
    {"output", 'o', "FILE", "create: where the manifest goes (default: stdout); its digest goes to stderr"},
    {"format", 'f', "v1|v2", "create: v1 lists the contents of files only, as Nucleus does (default v2)"},
    {"manifest", 'm', "FILE", "verify: FILE or FILE@sha256:HEX (default: of the bundle, then of the root)"},
    {"key", 'k', "FILE", "verify: the public key that FILE.sig has to be of; sign: the private key"},
    {"help", 'h', "", "print this text"}};

constexpr int kDiffers = 2;

using hardening::Attestation;
using hardening::Manifest;

struct Place {
  UniqueFd root;       // O_PATH
  std::string rootfs;  // path
  std::string bundle;  // "" when a root was named
};

Result<Place> find_place(const Arguments& arguments) {
  Place place;
  if (arguments.has("bundle") == !arguments.rest.empty() || arguments.rest.size() > 1) {
    return fail(ErrorCode::usage, "attest: expected either ROOTFS or --bundle DIR");
  }
  if (arguments.has("bundle")) {
    TRY_ASSIGN(const auto bundle, oci::load_bundle(arguments.get("bundle")));
    place.bundle = bundle.path;
    place.rootfs = oci::rootfs_path(bundle);
  } else {
    place.rootfs = arguments.rest.front();
  }
  auto root = open_at(AT_FDCWD, place.rootfs, O_PATH | O_DIRECTORY);
  if (!root) {
    return tl::unexpected<Error>(std::move(root).error().with("rootfs"));
  }
  place.root = std::move(*root);
  return place;
}

Status write_file(const std::string& path, std::string_view bytes) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  TRY_ASSIGN(const UniqueFd directory, open_at(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY));
  return replace_file(directory.get(), slash == std::string::npos ? path : path.substr(slash + 1), bytes, 0644, true);
}

Result<int> create(const Arguments& arguments) {
  const std::string format = arguments.get("format", "v2");
  if (format != "v1" && format != "v2") {
    return fail(ErrorCode::usage, "invalid format: " + format);
  }
  TRY_ASSIGN(const auto place, find_place(arguments));
  TRY_ASSIGN(Manifest manifest, launch::read_manifest(place.root.get(), nullptr));
  manifest.version = format == "v1" ? 1 : 2;
  TRY_ASSIGN(const std::string text, hardening::manifest_text(manifest));
  const std::string output = arguments.get("output");
  TRY(output.empty() ? print(text) : write_file(output, text));
  const std::string digest = "@sha256:" + hardening::to_hex(hardening::sha256(text)) + "\n";
  return write_all(STDERR_FILENO, (output.empty() ? "manifest" : output) + digest, "stderr").map([] { return 0; });
}

// What a launch would look for; here the user asks, so one in the root does as well.
Result<std::string> named_manifest(const Arguments& arguments, const Place& place) {
  if (arguments.has("manifest")) {
    return arguments.get("manifest");
  }
  for (const auto& directory : {place.bundle, place.rootfs}) {
    for (const auto name : {hardening::kManifestV2, hardening::kManifestV1}) {
      std::string path = directory + "/" + std::string(name);
      if (!directory.empty() && open_at(AT_FDCWD, path, O_PATH)) {
        return path;
      }
    }
  }
  return fail(ErrorCode::usage, "attest: there is no " + std::string(hardening::kManifestV2) + " and no " +
                                    std::string(hardening::kManifestV1) + ": give one with --manifest");
}

Result<int> verify(const Arguments& arguments) {
  TRY_ASSIGN(const auto place, find_place(arguments));
  TRY_ASSIGN(const std::string named, named_manifest(arguments, place));
  std::optional<hardening::PublicKey> key;
  if (arguments.has("key")) {
    TRY_ASSIGN(key, hardening::read_public_key(arguments.get("key")));
  }
  TRY_ASSIGN(const Attestation attestation, hardening::load_attestation(named, key));
  TRY_ASSIGN(const auto differences, launch::differences(place.root.get(), attestation.manifest));
  std::string out;
  for (const auto& difference : differences) {
    out += hardening::describe(difference) + "\n";
  }
  if (differences.empty()) {
    out = "verified: " + std::to_string(attestation.manifest.entries.size()) + " entries of " +
          hardening::describe(attestation) + "\n";
  }
  if (!attestation.trusted()) {
    log_warning(attestation.path +
                " is neither pinned nor signed: whoever can change the root may have changed it too");
  }
  TRY(print(out));
  return differences.empty() ? 0 : kDiffers;
}

Result<int> sign(const Arguments& arguments) {
  if (arguments.rest.size() != 1 || !arguments.has("key")) {
    return fail(ErrorCode::usage, "attest sign: expected MANIFEST and --key FILE, an Ed25519 private key");
  }
  const std::string& path = arguments.rest.front();
  TRY_ASSIGN(const auto bytes, hardening::read_policy_file(AT_FDCWD, path, path, hardening::kMaxManifestBytes));
  if (!bytes) {
    return fail(ErrorCode::usage, "attest sign: manifest " + path + " does not exist");
  }
  TRY(hardening::parse_manifest(*bytes, path));
  TRY_ASSIGN(const auto key, hardening::read_private_key(arguments.get("key")));
  TRY_ASSIGN(const auto open, hardening::public_key_of(key));
  TRY_ASSIGN(const auto signature, hardening::sign(*bytes, key));
  const std::string output = path + std::string(hardening::kSignatureSuffix);
  TRY(write_file(output, hardening::signature_text(signature)));
  TRY(print(output + ": sha256:" + hardening::to_hex(hardening::sha256(*bytes)) + " signed by key " +
            hardening::key_id(open) + "\n"));
  return 0;
}

struct Part {
  std::string_view name;
  Result<int> (*run)(const Arguments&);
};
constexpr std::array kParts = {Part{"create", create}, Part{"verify", verify}, Part{"sign", sign}};

Result<int> run(const Globals&, const Arguments& first) {
  TRY_ASSIGN(Arguments arguments, gather_options(kOptions, first));
  if (arguments.has("help")) {
    TRY(print(describe_options(kOptions)));
    return 0;
  }
  const auto* const part = std::ranges::find(kParts, std::string_view(arguments.rest.front()), &Part::name);
  if (part == kParts.end()) {
    return fail(ErrorCode::usage, "attest: expected create, verify or sign, got " + arguments.rest.front());
  }
  arguments.rest.erase(arguments.rest.begin());
  return part->run(arguments);
}

}  // namespace

constinit const Command kAttest = {"attest",
                                   "create ROOTFS | verify ROOTFS | sign MANIFEST",
                                   "say what a root file system holds, check it, sign it",
                                   kOptions,
                                   1,
                                   -1,
                                   run};

}  // namespace nucleus::cli
