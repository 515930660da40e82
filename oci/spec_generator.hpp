// Random values of any described struct, for property tests: filled, changed a little, and written with the noise that
// real encoders leave (nulls, empty lists) in place of what is absent.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "oci/encode.hpp"
#include "oci/fields_linux.hpp"
#include "oci/fields_resources.hpp"
#include "oci/fields_spec.hpp"

namespace nucleus::oci::testing {

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  [[nodiscard]] std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }
  [[nodiscard]] bool chance(unsigned percent) { return below(100) < percent; }

  void fill(bool& out) { out = chance(50); }
  void fill(std::string& out) {
    static constexpr std::array<std::string_view, 9> kTexts = {
        "",     "a", "CAP_KILL", "/dev/null", "\"quoted\\\"", "tab\tline\n", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\xb3",
        "null", "0"};
    out = kTexts[below(kTexts.size())];
  }
  template <class T>
  requires std::is_integral_v<T>
  void fill(T& out) {
    using Limits = std::numeric_limits<T>;
    const std::array<T, 5> values = {0, 1, Limits::max(), Limits::min(), static_cast<T>(below(5000))};
    out = values[below(values.size())];
  }
  template <class T>
  void fill(std::optional<T>& out) {
    out.reset();
    if (chance(50)) {
      fill(out.emplace());
    }
  }
  template <class T>
  void fill(std::vector<T>& out) {
    out.resize(chance(40) ? 0 : below(4));
    for (T& element : out) {
      fill(element);
    }
  }
  template <class T>
  void fill(std::map<std::string, T>& out) {
    out.clear();
    for (std::size_t i = chance(50) ? 0 : below(4); i > 0; --i) {
      std::string key;
      fill(key);
      fill(out[key]);
    }
  }
  template <Described T>
  void fill(T& out) {
    for_each_field<T>([&](const auto& field) { fill(out.*field.member); });
    out.extra.clear();
    if (chance(25)) {
      out.extra["x-unknown"] = unknown_value();
    }
  }

  // Changes about one member in eight.
  template <class T>
  void change(T& value) {
    fill(value);
  }
  template <class T>
  void change(std::vector<T>& list) {
    const std::size_t what = below(3);
    if (list.empty() || what == 0) {
      fill(*list.emplace(list.begin() + static_cast<std::ptrdiff_t>(below(list.size() + 1))));
    } else if (what == 1) {
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(below(list.size())));
    } else {
      change(list[below(list.size())]);
    }
  }
  template <class T>
  void change(std::optional<T>& value) {
    if (value && chance(70)) {
      change(*value);
    } else {
      fill(value);
    }
  }
  template <Described T>
  void change(T& value) {
    for_each_field<T>([&](const auto& field) {
      if (chance(12)) {
        change(value.*field.member);
      }
    });
    if (chance(10)) {
      value.extra[chance(50) ? "x-unknown" : "x-other"] = unknown_value();
    }
    if (chance(10)) {
      value.extra.clear();
    }
  }

  // Decodes to `value`, though it says more than encode() does.
  template <class T>
  [[nodiscard]] Json noisy(const T& value) {
    return encode(value);
  }
  template <class T>
  [[nodiscard]] Json noisy(const std::optional<T>& value) {
    return value ? noisy(*value) : Json();
  }
  template <class T>
  [[nodiscard]] Json noisy(const std::vector<T>& values) {
    Json out = Json::array();
    for (const T& value : values) {
      out.push_back(noisy(value));
    }
    return out;
  }
  template <class T>
  [[nodiscard]] Json noisy(const std::map<std::string, T>& values) {
    Json out = Json::object();
    for (const auto& [key, value] : values) {
      out[key] = noisy(value);
    }
    return out;
  }
  template <Described T>
  [[nodiscard]] Json noisy(const T& value) {
    Json out = Json::object();
    for (const auto& [name, text] : value.extra) {
      out[name] = parse_extra(text);
    }
    for_each_field<T>([&](const auto& field) {
      const auto& member = value.*field.member;
      const std::string name(field.name);
      if (!is_absent(member) || chance(20)) {
        out[name] = noisy(member);
      } else if (chance(20)) {
        out[name] = nullptr;
      }
    });
    return out;
  }

 private:
  std::string unknown_value() {
    static constexpr std::array<std::string_view, 5> kValues = {"null", "1", "\"text\"", "{\"a\":[]}", "[1,2.5,null]"};
    return std::string(kValues[below(kValues.size())]);
  }

  std::mt19937 random_;
};

}  // namespace nucleus::oci::testing
