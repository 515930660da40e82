#include "runtime/state/receipt.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace nucleus::state {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

Receipt from_json(const json& doc) {
  Receipt out;
  out.id = doc.at("id").get<std::string>();
  out.taken = doc.at("taken").get<std::string>();
  out.mode = doc.at("mode").get<std::string>();
  out.policy = doc.at("policy").get<std::string>();
  out.digests = doc.at("digests").get<std::map<std::string, std::string>>();
  for (const auto& item : doc.at("items")) {
    out.items.push_back({item.at("control").get<std::string>(), item.at("expected").get<std::string>(),
                         item.at("observed").get<std::string>(), item.at("matches").get<bool>()});
  }
  return out;
}

}  // namespace

std::vector<ReceiptItem> Receipt::mismatches() const {
  std::vector<ReceiptItem> out;
  std::copy_if(items.begin(), items.end(), std::back_inserter(out), [](const auto& item) { return !item.matches; });
  return out;
}

std::string to_json(const Receipt& receipt, int indent) {
  ordered_json items = ordered_json::array();
  for (const auto& item : receipt.items) {
    items.push_back({{"control", item.control},
                     {"expected", item.expected},
                     {"observed", item.observed},
                     {"matches", item.matches}});
  }
  const ordered_json doc = {{"schema", "io.nucleus.receipt.v1"},
                            {"id", receipt.id},
                            {"taken", receipt.taken},
                            {"mode", receipt.mode},
                            {"policy", receipt.policy},
                            {"digests", receipt.digests},
                            {"items", std::move(items)}};
  return doc.dump(indent, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Result<Receipt> parse_receipt(std::string_view text, std::string_view file) {
  try {
    return from_json(json::parse(text));
  } catch (const json::exception& error) {
    return fail(ErrorCode::state, std::string(file) + ": damaged receipt: " + error.what());
  }
}

}  // namespace nucleus::state
