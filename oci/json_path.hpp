// Where in a document the decoder is. Kept as a chain on the stack, written out only for an error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "oci/quote.hpp"

namespace nucleus::oci {

class JsonPath {
 public:
  JsonPath() = default;
  // The new path borrows `this` and the name.
  [[nodiscard]] JsonPath member(std::string_view name) const { return {this, Kind::member, name, 0}; }
  [[nodiscard]] JsonPath key(std::string_view name) const { return {this, Kind::key, name, 0}; }
  [[nodiscard]] JsonPath element(std::size_t index) const { return {this, Kind::element, {}, index}; }

  // `linux.resources.memory`, `process.args[1]`, `annotations["a.b"]`; empty for the document itself.
  [[nodiscard]] std::string text() const {
    if (kind_ == Kind::document) {
      return {};
    }
    std::string out = up_->text();
    if (kind_ == Kind::member) {
      return out.empty() ? std::string(name_) : out + '.' + std::string(name_);
    }
    return out + '[' + (kind_ == Kind::key ? quote(name_) : std::to_string(index_)) + ']';
  }

 private:
  enum class Kind : unsigned char { document, member, key, element };
  JsonPath(const JsonPath* up, Kind kind, std::string_view name, std::size_t index)
      : up_(up), kind_(kind), name_(name), index_(index) {}

  const JsonPath* up_ = nullptr;
  Kind kind_ = Kind::document;
  std::string_view name_;
  std::size_t index_ = 0;
};

}  // namespace nucleus::oci
