// Struct -> JSON value, driven by Fields<T>: required members always, others when they say something.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "oci/fields.hpp"
#include "oci/json.hpp"
#include "oci/spec_linux.hpp"

namespace nucleus::oci {

template <class T>
[[nodiscard]] bool is_absent(const T& value) {
  return value == T{};
}

// Text of an unknown member; what is not JSON (no decoder of ours makes such) reads as null.
[[nodiscard]] inline Json parse_extra(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json() : value;
}

template <class T>
requires(std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) [[nodiscard]] Json encode(const T& value) {
  return value;
}
template <class T>
[[nodiscard]] Json encode(const std::optional<T>& value);
template <class T>
[[nodiscard]] Json encode(const std::vector<T>& values);
template <class T>
[[nodiscard]] Json encode(const std::map<std::string, T>& values);
template <Described T>
[[nodiscard]] Json encode(const T& value);

template <class T>
Json encode(const std::optional<T>& value) {
  return value ? encode(*value) : Json();
}

template <class T>
Json encode(const std::vector<T>& values) {
  Json out = Json::array();
  for (const auto& value : values) {
    out.push_back(encode(value));
  }
  return out;
}

template <class T>
Json encode(const std::map<std::string, T>& values) {
  Json out = Json::object();
  for (const auto& [key, value] : values) {
    out[key] = encode(value);
  }
  return out;
}

template <Described T>
Json encode(const T& value) {
  Json out = Json::object();
  for (const auto& [name, text] : value.extra) {
    out[name] = parse_extra(text);
  }
  for_each_field<T>([&](const auto& field) {
    const auto& member = value.*field.member;
    if (field.required || !is_absent(member)) {
      out[std::string(field.name)] = encode(member);
    }
  });
  return out;
}

}  // namespace nucleus::oci
