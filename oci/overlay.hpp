// Puts changed values into the document they came from and leaves everything else as it stands there.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/encode.hpp"

namespace nucleus::oci {

// In all overloads `doc` decodes to `before`, and decodes to `now` afterwards.
template <class T>
void overlay(Json& doc, const T& before, const T& now) {
  if (before != now) {
    doc = encode(now);
  }
}
template <class T>
void overlay(Json& doc, const std::optional<T>& before, const std::optional<T>& now);
template <class T>
void overlay(Json& doc, const std::vector<T>& before, const std::vector<T>& now);
template <class T>
void overlay(Json& doc, const std::map<std::string, T>& before, const std::map<std::string, T>& now);
template <Described T>
void overlay(Json& doc, const T& before, const T& now);

template <class T>
void overlay(Json& doc, const std::optional<T>& before, const std::optional<T>& now) {
  if (before && now) {
    overlay(doc, *before, *now);
  } else if (before != now) {
    doc = encode(now);
  }
}

// Elements that were in the list before, wherever, keep their JSON; each is used once, so that two equal values with
// differing JSON both survive.
template <Described T>
[[nodiscard]] Json overlay_elements(const Json& doc, const std::vector<T>& before, const std::vector<T>& now) {
  std::multimap<std::string, std::size_t> originals;
  for (std::size_t i = 0; i < before.size(); ++i) {
    originals.emplace(dump(encode(before[i])), i);
  }
  Json out = Json::array();
  for (const T& value : now) {
    Json encoded = encode(value);
    const auto found = originals.find(dump(encoded));
    if (found == originals.end()) {
      out.push_back(std::move(encoded));
    } else {
      out.push_back(doc[found->second]);
      originals.erase(found);
    }
  }
  return out;
}

template <class T>
void overlay(Json& doc, const std::vector<T>& before, const std::vector<T>& now) {
  if (before == now) {
    return;
  }
  if constexpr (Described<T>) {
    doc = doc.is_array() ? overlay_elements(doc, before, now) : encode(now);
  } else {
    doc = encode(now);
  }
}

template <class T>
void overlay(Json& doc, const std::map<std::string, T>& before, const std::map<std::string, T>& now) {
  if (before == now) {
    return;
  }
  Json out = Json::object();
  for (const auto& [key, value] : now) {
    const auto old = before.find(key);
    Json& slot = out[key];
    if (old == before.end()) {
      slot = encode(value);
    } else {
      slot = doc[key];
      overlay(slot, old->second, value);
    }
  }
  doc = std::move(out);
}

// Unknown members: Extra holds their JSON text, so this is set difference.
inline void overlay_extra(Json& doc, const Extra& before, const Extra& now) {
  for (const auto& [name, text] : before) {
    if (!now.contains(name)) {
      doc.erase(name);
    }
  }
  for (const auto& [name, text] : now) {
    const auto old = before.find(name);
    if (old == before.end() || old->second != text) {
      doc[name] = parse_extra(text);
    }
  }
}

template <Described T>
void overlay(Json& doc, const T& before, const T& now) {
  if (before == now) {
    return;
  }
  if (!doc.is_object()) {
    doc = encode(now);
    return;
  }
  overlay_extra(doc, before.extra, now.extra);
  for_each_field<T>([&](const auto& field) {
    const auto& value = now.*field.member;
    if (before.*field.member == value) {
      return;
    }
    const std::string name(field.name);
    if (!field.required && is_absent(value)) {
      doc.erase(name);
    } else {
      overlay(doc[name], before.*field.member, value);
    }
  });
}

}  // namespace nucleus::oci
