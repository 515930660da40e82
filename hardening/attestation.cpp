#include "hardening/attestation.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <utility>

#include "hardening/annotations.hpp"
#include "hardening/json_text.hpp"
#include "hardening/path_text.hpp"
#include "hardening/policy_files.hpp"
#include "runtime/base/io.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::size_t kMaxSignatureBytes = 4096;
constexpr std::array kManifestNames = {kManifestV2, kManifestV1};

struct Named {
  std::string text;  // FILE or FILE@sha256:HEX
  std::string origin;
  bool pin_counts = true;
};

// A manifest and perhaps a signature, unread.
struct Files {
  std::string manifest;
  std::optional<std::string> signature;
};

std::string signature_of(const std::string& path) { return path + std::string(kSignatureSuffix); }

Result<std::optional<Files>> read_files(const std::string& path) {
  TRY_ASSIGN(auto manifest, read_policy_file(AT_FDCWD, path, path, kMaxManifestBytes));
  if (!manifest) {
    return std::nullopt;
  }
  const std::string beside = signature_of(path);
  TRY_ASSIGN(auto signature, read_policy_file(AT_FDCWD, beside, beside, kMaxSignatureBytes));
  return Files{std::move(*manifest), std::move(signature)};
}

// A file of the image: owner and mode say nothing, the signature has to. Nothing of it is followed or waited for.
std::optional<std::string> read_untrusted(int directory, const std::string& name, std::size_t limit) {
  const auto fd = open_at(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  struct stat status {};
  if (!fd || ::fstat(fd->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  auto bytes = read_all(fd->get(), limit, name);
  return bytes ? std::optional(std::move(*bytes)) : std::nullopt;
}

// The id of the key, "" when there is no signature.
Result<std::string> check_key(const Files& files, const PublicKey& key, const std::string& path) {
  if (!files.signature) {
    return std::string();
  }
  TRY_ASSIGN(const auto signature, parse_signature(*files.signature, signature_of(path)));
  TRY(check_signature(files.manifest, signature, key, path));
  return key_id(key);
}

Result<Attestation> attestation_from(const Files& files, std::string path, const std::optional<PublicKey>& key,
                                     bool pinned) {
  Attestation out;
  out.path = std::move(path);
  out.digest = to_hex(sha256(files.manifest));
  out.pinned = pinned;
  if (key) {
    TRY_ASSIGN(out.key, check_key(files, *key, out.path));
    if (out.key.empty() && !pinned) {
      return fail(ErrorCode::policy, out.path + ": there is no " + signature_of(out.path) + " by key " + key_id(*key) +
                                         ", which has to sign manifests that are not pinned (" + out.path +
                                         "@sha256:HEX)");
    }
  }
  TRY_ASSIGN(out.manifest, parse_manifest(files.manifest, out.path));
  return out;
}

// A pin of somebody who may not decide is checked, and that is all it does.
Result<Attestation> load(const Named& named, const std::optional<PublicKey>& key) {
  std::string path = named.text;
  std::optional<Sha256> pin;
  if (is_pinned(named.text)) {
    TRY_ASSIGN(auto parsed, parse_pin(named.text));
    path = std::move(parsed.target);
    pin = parsed.digest;
  }
  TRY_ASSIGN(const auto files, read_files(path));
  if (!files) {
    return fail(ErrorCode::policy, "manifest " + json_text(path) + " does not exist");
  }
  if (pin) {
    TRY(check_digest(files->manifest, *pin, path));
  }
  TRY_ASSIGN(auto out, attestation_from(*files, std::move(path), key, named.pin_counts && pin));
  out.origin = named.origin;
  return out;
}

// A bundle that lies inside its root is filled by the image as well.
Result<std::optional<Attestation>> in_bundle(const AttestationRequest& request, const std::optional<PublicKey>& key) {
  if (at_or_below(normal_path(request.bundle), normal_path(request.rootfs))) {
    return std::nullopt;
  }
  for (const auto name : kManifestNames) {
    const std::string path = request.bundle + "/" + std::string(name);
    TRY_ASSIGN(const auto files, read_files(path));
    if (files) {
      TRY_ASSIGN(auto found, attestation_from(*files, path, key, false));
      found.origin = "bundle";
      return std::optional(std::move(found));
    }
  }
  return std::nullopt;
}

// Whoever makes the image fills its root: without a signature that counts, a manifest there says nothing.
Result<std::optional<Attestation>> in_rootfs(const std::string& rootfs, const std::optional<PublicKey>& key) {
  const auto directory = key ? open_at(AT_FDCWD, rootfs, O_PATH | O_DIRECTORY) : Result<UniqueFd>(UniqueFd());
  if (!key || !directory) {
    return std::nullopt;
  }
  for (const auto name : kManifestNames) {
    const std::string file(name);
    auto manifest = read_untrusted(directory->get(), file, kMaxManifestBytes);
    auto signature = read_untrusted(directory->get(), signature_of(file), kMaxSignatureBytes);
    if (manifest && signature) {
      const Files files{std::move(*manifest), std::move(signature)};
      std::string path = rootfs;
      path.append("/").append(file);
      TRY_ASSIGN(auto found, attestation_from(files, std::move(path), key, false));
      found.origin = "rootfs";
      return std::optional(std::move(found));
    }
  }
  return std::nullopt;
}

// Who names a manifest, if anybody does.
Result<std::optional<Named>> named_by(const AttestationRequest& request) {
  std::optional<Named> named;
  if (!request.command_line.empty()) {
    named = Named{request.command_line, "command line"};
  } else if (request.mode != Mode::passthrough) {
    for (const auto* const settings : {&request.host, &request.policy}) {
      if (!named && !settings->manifest.empty()) {
        named = Named{settings->manifest, settings->origin};
      }
    }
  }
  if (request.annotation.empty() || request.mode == Mode::passthrough) {
    return named;
  }
  const std::string who = "annotation " + std::string(kAttestAnnotation);
  if (!request.annotation.starts_with('/')) {
    return fail(ErrorCode::policy, who + ": must be an absolute path, got " + json_text(request.annotation));
  }
  if (!named) {
    return Named{request.annotation, who, request.annotations_may_choose};
  }
  if (named->text != request.annotation) {
    return fail(ErrorCode::policy, who + ": asks for " + json_text(request.annotation) + ", but the " + named->origin +
                                       " names " + json_text(named->text));
  }
  return named;
}

Result<std::optional<PublicKey>> configured_key(const AttestationRequest& request) {
  const std::string& path = request.host.key.empty() ? request.policy.key : request.host.key;
  if (path.empty() || request.mode == Mode::passthrough) {
    return std::nullopt;
  }
  TRY_ASSIGN(auto key, read_public_key(path));
  return std::optional(key);
}

}  // namespace

Result<Attestation> load_attestation(const std::string& named, const std::optional<PublicKey>& key) {
  return load({named, "command line"}, key);
}

Result<std::shared_ptr<const Attestation>> find_attestation(const AttestationRequest& request) {
  TRY_ASSIGN(const auto named, named_by(request));
  TRY_ASSIGN(const auto key, configured_key(request));
  if (named) {
    TRY_ASSIGN(auto found, load(*named, key).map_error([&](Error error) {
      return std::move(error).with("attestation (" + named->origin + ")");
    }));
    return std::make_shared<const Attestation>(std::move(found));
  }
  if (request.mode == Mode::passthrough) {
    return nullptr;
  }
  TRY_ASSIGN(auto found, in_bundle(request, key));
  if (!found) {
    TRY_ASSIGN(found, in_rootfs(request.rootfs, key));
  }
  if (found) {
    return std::make_shared<const Attestation>(std::move(*found));
  }
  for (const auto* const settings : {&request.host, &request.policy}) {
    if (settings->required) {
      return fail(ErrorCode::policy,
                  "attestation: the " + settings->origin + " requires it and no manifest says what " +
                      json_text(request.rootfs) +
                      " holds: make one with `nucleus-oci attest create` and give it with --attest FILE@sha256:HEX");
    }
  }
  return nullptr;
}

std::string describe(const Attestation& attestation) {
  std::string vouched =
      attestation.pinned ? ", pinned by the " + attestation.origin : ", from the " + attestation.origin;
  if (!attestation.key.empty()) {
    vouched += ", signed by key " + attestation.key;
  }
  return attestation.path + " (sha256:" + attestation.digest + vouched +
         (attestation.trusted() ? ")" : ", neither pinned nor signed)");
}

}  // namespace nucleus::hardening
