// What the gate lets through, the document model reads, with every member it has in the text: nothing was dropped as
// a duplicate.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "conformance/fuzz/require.hpp"
#include "oci/json.hpp"
#include "oci/strict_json.hpp"
#include "oci/text_scan.hpp"

namespace {

using nucleus::oci::Json;

std::size_t members_of(const Json& value) {
  std::size_t count = value.is_object() ? value.size() : 0;
  if (value.is_structured()) {
    for (const Json& child : value) {
      count += members_of(child);
    }
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto status = nucleus::oci::check_strict_json(text, "config.json");
  if (!status) {
    REQUIRE(status.error().text.starts_with("config.json:"));
    REQUIRE(status.error().text.find('\n') == std::string::npos);
    return 0;
  }
  std::size_t keys = 0;
  const auto count_key = [&keys](int, Json::parse_event_t event, const Json&) {
    keys += event == Json::parse_event_t::key ? 1 : 0;
    return true;
  };
  const Json document = Json::parse(text, count_key, false);
  REQUIRE(!document.is_discarded());
  REQUIRE(keys == members_of(document));
  REQUIRE(nucleus::oci::is_utf8(text));
  return 0;
}
