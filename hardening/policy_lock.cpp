#include "hardening/policy_lock.hpp"

#include "hardening/json_text.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::size_t kDigits = 64;
constexpr std::string_view kGap = "  ";

tl::unexpected<Error> fail_in(const std::string& shown, std::size_t line, std::size_t column, const std::string& what) {
  return fail(ErrorCode::invalid_config,
              shown + ":" + std::to_string(line) + ":" + std::to_string(column + 1) + ": " + what);
}

Result<Sha256> parse_line(std::string_view text, std::string_view file, const std::string& shown, std::size_t line) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789abcdef"), text.size());
  if (digits != kDigits) {
    return fail_in(shown, line, std::min(digits, kDigits), "expected 64 lower-case hexadecimal digits");
  }
  if (text.substr(kDigits, kGap.size()) != kGap) {
    return fail_in(shown, line, kDigits, "expected two blanks");
  }
  if (const auto name = text.substr(kDigits + kGap.size()); name != file) {
    return fail_in(shown, line, kDigits + kGap.size(),
                   "expected " + json_text(file) + ", the next file of the set, got " + json_text(name));
  }
  return parse_sha256(text.substr(0, kDigits));
}

}  // namespace

Result<PolicyDigests> parse_lock(std::string_view text, const std::string& shown) {
  PolicyDigests out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      return fail_in(
          shown, i + 1, text.size(),
          "ends before the line of " + std::string(kPolicyFiles[i]) + " does; it has one line for each file");
    }
    TRY_ASSIGN(out[i], parse_line(text.substr(0, end), kPolicyFiles[i], shown, i + 1));
    text.remove_prefix(end + 1);
  }
  if (!text.empty()) {
    return fail_in(shown, out.size() + 1, 0, "more than the files of a set");
  }
  return out;
}

Status check_lock(const PolicyInput& input, std::string_view text, const std::string& shown) {
  TRY_ASSIGN(const auto locked, parse_lock(text, shown));
  for (std::size_t i = 0; i < locked.size(); ++i) {
    if (const Sha256 found = sha256(input.bytes[i]); found != locked[i]) {
      return fail(ErrorCode::policy, input.shown[i] + ": its digest is sha256:" + to_hex(found) +
                                         ", locked is sha256:" + to_hex(locked[i]) + " (" + shown + ":" +
                                         std::to_string(i + 1) + "); `nucleus-oci policy lock` accepts a change");
    }
  }
  return {};
}

}  // namespace nucleus::hardening
