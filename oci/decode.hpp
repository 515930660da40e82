// JSON value -> struct, driven by Fields<T>. Strict: no conversion between types, no silent truncation.
#pragma once

#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "oci/fields.hpp"
#include "oci/json.hpp"
#include "oci/json_path.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::oci {

// `path: expected WHAT, got TYPE`.
[[nodiscard]] tl::unexpected<Error> wrong_type(const Json& in, std::string_view expected, const JsonPath& at);
[[nodiscard]] tl::unexpected<Error> out_of_range(const Json& in, const std::string& range, const JsonPath& at);

// True when Go's encoding/json would store a member called `name` into the field `known`: it compares by simple case
// folding, which also maps U+017F to s and U+212A to k.
[[nodiscard]] bool folds_to(std::string_view name, std::string_view known);

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;

// All overloads are declared first, since they call one another.
[[nodiscard]] Status decode(const Json& in, bool& out, const JsonPath& at);
[[nodiscard]] Status decode(const Json& in, std::string& out, const JsonPath& at);
template <Integer T>
[[nodiscard]] Status decode(const Json& in, T& out, const JsonPath& at);
template <class T>
[[nodiscard]] Status decode(const Json& in, std::optional<T>& out, const JsonPath& at);
template <class T>
[[nodiscard]] Status decode(const Json& in, std::vector<T>& out, const JsonPath& at);
template <class T>
[[nodiscard]] Status decode(const Json& in, std::map<std::string, T>& out, const JsonPath& at);
template <Described T>
[[nodiscard]] Status decode(const Json& in, T& out, const JsonPath& at);

template <Integer T>
Status decode(const Json& in, T& out, const JsonPath& at) {
  if (!in.is_number_integer()) {
    return wrong_type(in, "integer", at);
  }
  const bool fits = in.is_number_unsigned() ? std::in_range<T>(in.get_ref<const Json::number_unsigned_t&>())
                                            : std::in_range<T>(in.get_ref<const Json::number_integer_t&>());
  if (!fits) {
    using Limits = std::numeric_limits<T>;
    return out_of_range(in, std::to_string(Limits::min()) + ".." + std::to_string(Limits::max()), at);
  }
  out = in.get<T>();
  return {};
}

template <class T>
Status decode(const Json& in, std::optional<T>& out, const JsonPath& at) {
  return decode(in, out.emplace(), at);
}

template <class T>
Status decode(const Json& in, std::vector<T>& out, const JsonPath& at) {
  if (!in.is_array()) {
    return wrong_type(in, "array", at);
  }
  out.resize(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    TRY(decode(in[i], out[i], at.element(i)));
  }
  return {};
}

template <class T>
Status decode(const Json& in, std::map<std::string, T>& out, const JsonPath& at) {
  if (!in.is_object()) {
    return wrong_type(in, "object", at);
  }
  for (auto it = in.begin(); it != in.end(); ++it) {
    TRY(decode(it.value(), out[it.key()], at.key(it.key())));
  }
  return {};
}

template <Described T>
[[nodiscard]] Status refuse_lookalike(const std::string& name, const JsonPath& at) {
  std::string_view known;
  for_each_field<T>([&](const auto& field) { known = folds_to(name, field.name) ? field.name : known; });
  if (known.empty()) {
    return {};
  }
  return fail(ErrorCode::invalid_config,
              at.member(name).text() + ": differs from " + quote(known) + " only in case, which some decoders ignore");
}

template <Described T>
[[nodiscard]] Status decode_member(const std::string& name, const Json& in, T& out, const JsonPath& at) {
  Status status;
  const auto take = [&](const auto& field) {
    if (name != field.name) {
      return false;
    }
    if (!in.is_null()) {
      status = decode(in, out.*field.member, at.member(name));
    }
    return true;
  };
  if (std::apply([&](const auto&... field) { return (take(field) || ...); }, Fields<T>::list)) {
    return status;
  }
  TRY(refuse_lookalike<T>(name, at));
  out.extra.emplace(name, dump(in));
  return {};
}

template <Described T>
Status decode(const Json& in, T& out, const JsonPath& at) {
  if (!in.is_object()) {
    return wrong_type(in, "object", at);
  }
  for (auto it = in.begin(); it != in.end(); ++it) {
    TRY(decode_member(it.key(), it.value(), out, at));
  }
  return {};
}

}  // namespace nucleus::oci
