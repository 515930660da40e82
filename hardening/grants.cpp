#include <algorithm>
#include <array>
#include <utility>

#include "hardening/path_text.hpp"
#include "hardening/policy.hpp"
#include "runtime/base/capability.hpp"

namespace nucleus::hardening {
namespace {

enum class ValueForm : std::uint8_t { none, capability, path, egress, text };

struct KindRow {
  GrantKind kind;
  std::string_view name;
  ValueForm form;
};

constexpr std::array kKinds = {
    KindRow{GrantKind::capability, "capability", ValueForm::capability},
    KindRow{GrantKind::device, "device", ValueForm::text},
    KindRow{GrantKind::host_network, "host-network", ValueForm::none},
    KindRow{GrantKind::host_pid, "host-pid", ValueForm::none},
    KindRow{GrantKind::host_ipc, "host-ipc", ValueForm::none},
    KindRow{GrantKind::new_privileges, "new-privileges", ValueForm::none},
    KindRow{GrantKind::seccomp_unconfined, "seccomp-unconfined", ValueForm::none},
    KindRow{GrantKind::exec, "exec", ValueForm::path},
    KindRow{GrantKind::bind, "bind", ValueForm::path},
    KindRow{GrantKind::writable, "writable", ValueForm::path},
    KindRow{GrantKind::unmasked, "unmasked", ValueForm::path},
    KindRow{GrantKind::sysctl, "sysctl", ValueForm::text},
    KindRow{GrantKind::mount_type, "mount-type", ValueForm::text},
    KindRow{GrantKind::net_device, "net-device", ValueForm::text},
    KindRow{GrantKind::persistent_rootfs, "persistent-rootfs", ValueForm::none},
    KindRow{GrantKind::shared_mounts, "shared-mounts", ValueForm::none},
    KindRow{GrantKind::egress, "egress", ValueForm::egress},
    KindRow{GrantKind::realtime, "realtime", ValueForm::none},
};

// In GrantKind's order, so that an enumerator indexes its row.
static_assert([] {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (static_cast<std::size_t>(kKinds[i].kind) != i) {
      return false;
    }
  }
  return kKinds.size() == static_cast<std::size_t>(GrantKind::realtime) + 1;
}());

const KindRow& row(GrantKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

tl::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(ErrorCode::invalid_config, "grant \"" + std::string(text) + "\": " + std::string(why));
}

Result<std::string> checked_value(std::string_view text, const KindRow& kind, std::string_view value) {
  if (kind.form == ValueForm::none) {
    return value.empty() ? Result<std::string>("") : bad(text, "takes no value");
  }
  if (value.empty()) {
    return bad(text, "needs a value, as in \"" + std::string(kind.name) + ":VALUE\"");
  }
  if (kind.form == ValueForm::capability) {
    const std::string name = (value.starts_with("CAP_") ? "" : "CAP_") + std::string(value);
    return capability_number(name) ? Result<std::string>(name) : bad(text, "unknown capability");
  }
  if (kind.form == ValueForm::path && !value.starts_with('/')) {
    return bad(text, "needs an absolute path");
  }
  if (kind.form == ValueForm::egress) {
    TRY_ASSIGN(const auto entry, parse_egress_entry(value, ""));
    return entry.text;
  }
  return value.starts_with('/') ? normal_path(value) : std::string(value);
}

}  // namespace

std::vector<std::string> grant_spellings() {
  std::vector<std::string> out;
  out.reserve(kKinds.size());
  for (const KindRow& kind : kKinds) {
    out.push_back(std::string(kind.name) + (kind.form == ValueForm::none ? "" : ":"));
  }
  return out;
}

std::string to_string(const Grant& grant) {
  return std::string(row(grant.kind).name) + (grant.value.empty() ? "" : ":" + grant.value);
}

Result<Grant> parse_grant(std::string_view text, std::string origin) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  const bool has_value = colon != std::string_view::npos;
  const auto* const kind = std::ranges::find(kKinds, name, &KindRow::name);
  if (kind == kKinds.end()) {
    return bad(text, "unknown kind");
  }
  if (has_value && kind->form == ValueForm::none) {
    return bad(text, "takes no value");
  }
  TRY_ASSIGN(std::string value, checked_value(text, *kind, has_value ? text.substr(colon + 1) : ""));
  return Grant{kind->kind, std::move(value), std::move(origin)};
}

const Grant* Policy::find(GrantKind kind, std::string_view value) const {
  const auto hit =
      std::ranges::find_if(grants, [&](const Grant& grant) { return grant.kind == kind && grant.value == value; });
  return hit == grants.end() ? nullptr : &*hit;
}

}  // namespace nucleus::hardening
