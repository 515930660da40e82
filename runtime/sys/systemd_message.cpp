#include "runtime/sys/systemd_message.hpp"

#include "runtime/sys/dbus_message.hpp"

namespace nucleus::sys {
namespace {

// A variant: the value's signature, then the value.
struct WriteValue {
  DbusWriter& out;

  void operator()(bool value) const {
    out.signature("b");
    out.boolean(value);
  }
  void operator()(std::uint64_t value) const {
    out.signature("t");
    out.number64(value);
  }
  void operator()(const std::string& value) const {
    out.signature("s");
    out.text(value);
  }
  void operator()(const std::vector<std::string>& value) const {
    out.signature("as");
    const std::size_t place = out.begin_array(4);
    for (const auto& item : value) {
      out.text(item);
    }
    out.end_array(place, 4);
  }
  void operator()(const std::vector<std::uint8_t>& value) const {
    out.signature("ay");
    const std::size_t place = out.begin_array(1);
    for (const auto item : value) {
      out.byte(item);
    }
    out.end_array(place, 1);
  }
  void operator()(const std::vector<std::pair<std::string, std::string>>& value) const {
    out.signature("a(ss)");
    const std::size_t place = out.begin_array(8);
    for (const auto& [first, second] : value) {
      out.align(8);
      out.text(first);
      out.text(second);
    }
    out.end_array(place, 8);
  }
};

void write_pids(DbusWriter& out, std::span<const pid_t> pids) {
  if (pids.empty()) {
    return;
  }
  out.align(8);
  out.text("PIDs");
  out.signature("au");
  const std::size_t place = out.begin_array(4);
  for (const pid_t pid : pids) {
    out.number(static_cast<std::uint32_t>(pid));
  }
  out.end_array(place, 4);
}

void write_properties(DbusWriter& out, std::span<const UnitProperty> properties, std::span<const pid_t> pids) {
  const std::size_t place = out.begin_array(8);
  for (const auto& property : properties) {
    out.align(8);
    out.text(property.name);
    std::visit(WriteValue{out}, property.value);
  }
  write_pids(out, pids);
  out.end_array(place, 8);
}

}  // namespace

std::string start_transient_body(const std::string& unit, std::span<const UnitProperty> properties,
                                 std::span<const pid_t> pids) {
  DbusWriter body;
  body.text(unit);
  body.text("fail");
  write_properties(body, properties, pids);
  const std::size_t no_other_units = body.begin_array(8);
  body.end_array(no_other_units, 8);
  return body.bytes();
}

std::string set_properties_body(const std::string& unit, std::span<const UnitProperty> properties) {
  DbusWriter body;
  body.text(unit);
  body.boolean(true);  // runtime: not beyond the unit's life
  write_properties(body, properties, {});
  return body.bytes();
}

}  // namespace nucleus::sys
