#include "hardening/policy_attestation.hpp"

#include <utility>

#include "hardening/digest.hpp"
#include "hardening/json_text.hpp"

namespace nucleus::hardening {
namespace {

Result<std::string> absolute_path(TomlTable& table, std::string_view key) {
  TRY_ASSIGN(auto text, table.text(key));
  if (text && !text->value.starts_with('/')) {
    return fail_at(text->place,
                   "attestation: " + std::string(key) + ": must be an absolute path, got " + json_text(text->value));
  }
  return text ? std::move(text->value) : std::string();
}

}  // namespace

Result<AttestationSettings> read_attestation(TomlTable& document, std::string origin) {
  AttestationSettings out;
  out.origin = std::move(origin);
  TRY_ASSIGN(auto table, document.table("attestation"));
  if (!table) {
    return out;
  }
  TRY_ASSIGN(out.manifest, absolute_path(*table, "manifest"));
  TRY_ASSIGN(out.key, absolute_path(*table, "key"));
  if (is_pinned(out.manifest)) {
    TRY_WITH(parse_pin(out.manifest), table->place() + ": attestation: manifest");
  }
  TRY_ASSIGN(const auto required, table->boolean("required"));
  out.required = required.value_or(false);
  TRY(table->refuse_unknown());
  return out;
}

}  // namespace nucleus::hardening
