// One description per struct of spec.hpp: JSON name and member. Decoder, encoder and overlay all read it, so that a
// field is written once.
#pragma once

#include <string_view>
#include <tuple>

namespace nucleus::oci {

template <class Struct, class Member>
struct Field {
  std::string_view name;
  Member Struct::*member;
  bool required;  // encoded even when zero or empty
};

template <class Struct, class Member>
constexpr Field<Struct, Member> req(std::string_view name, Member Struct::*member) {
  return {name, member, true};
}

template <class Struct, class Member>
constexpr Field<Struct, Member> opt(std::string_view name, Member Struct::*member) {
  return {name, member, false};
}

// Specialised with `static constexpr std::tuple list` of Field.
template <class Struct>
struct Fields;

template <class T>
concept Described = requires {
  Fields<T>::list;
};

// Calls `visit(field)` for every field of `Struct`.
template <Described Struct, class Visit>
constexpr void for_each_field(Visit&& visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, Fields<Struct>::list);
}

}  // namespace nucleus::oci
