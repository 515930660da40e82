#include "oci/decode.hpp"

#include "oci/decode_spec.hpp"
#include "oci/document.hpp"
#include "oci/fields_linux.hpp"
#include "oci/fields_resources.hpp"
#include "oci/fields_spec.hpp"

namespace nucleus::oci {
namespace {

std::string prefix(const JsonPath& at) {
  std::string text = at.text();
  return text.empty() ? text : text + ": ";
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

template <Described T>
Result<T> parse(std::string_view text, std::string_view file) {
  TRY(check_strict_json(text, file));
  const Json document = Json::parse(text, nullptr, false);
  if (document.is_discarded()) {
    return fail(ErrorCode::invalid_config, std::string(file) + ": not valid JSON");
  }
  T out;
  TRY_WITH(decode(document, out, JsonPath()), file);
  return out;
}

}  // namespace

tl::unexpected<Error> wrong_type(const Json& in, std::string_view expected, const JsonPath& at) {
  const std::string got = in.is_number_float() ? "number " + dump(in) : in.type_name();
  return fail(ErrorCode::invalid_config, prefix(at) + "expected " + std::string(expected) + ", got " + got);
}

tl::unexpected<Error> out_of_range(const Json& in, const std::string& range, const JsonPath& at) {
  return fail(ErrorCode::invalid_config, prefix(at) + "expected integer in " + range + ", got " + dump(in));
}

bool folds_to(std::string_view name, std::string_view known) {
  constexpr std::string_view kLongS = "\xc5\xbf";
  constexpr std::string_view kKelvin = "\xe2\x84\xaa";
  for (const char wanted : known) {
    const bool long_s = lower(wanted) == 's' && name.starts_with(kLongS);
    const bool kelvin = lower(wanted) == 'k' && name.starts_with(kKelvin);
    if (long_s || kelvin) {
      name.remove_prefix(long_s ? kLongS.size() : kKelvin.size());
    } else if (!name.empty() && lower(name.front()) == lower(wanted)) {
      name.remove_prefix(1);
    } else {
      return false;
    }
  }
  return name.empty();
}

Status decode(const Json& in, bool& out, const JsonPath& at) {
  if (!in.is_boolean()) {
    return wrong_type(in, "boolean", at);
  }
  out = in.get<bool>();
  return {};
}

Status decode(const Json& in, std::string& out, const JsonPath& at) {
  if (!in.is_string()) {
    return wrong_type(in, "string", at);
  }
  out = in.get_ref<const std::string&>();
  return {};
}

Status decode_spec(const Json& document, Spec& out) { return decode(document, out, JsonPath()); }

Result<Spec> parse_spec(std::string_view text, std::string_view file) { return parse<Spec>(text, file); }

Result<Process> parse_process(std::string_view text, std::string_view file) { return parse<Process>(text, file); }

Result<Seccomp> parse_seccomp(std::string_view text, std::string_view file) { return parse<Seccomp>(text, file); }

Result<Resources> parse_resources(std::string_view text, std::string_view file) { return parse<Resources>(text, file); }

}  // namespace nucleus::oci
