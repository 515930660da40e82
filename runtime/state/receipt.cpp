#include "runtime/state/receipt.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace nucleus::state {
namespace {

using nlohmann::json;

constexpr const char* kSchema = "io.nucleus.receipt.v1";

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
  if (const auto chain = doc.find("chain"); chain != doc.end()) {
    out.chain = ReceiptLink{chain->at("sequence").get<std::uint64_t>(), chain->at("previous").get<std::string>()};
  }
  if (const auto signature = doc.find("signature"); signature != doc.end()) {
    out.signature =
        ReceiptSignature{signature->at("key").get<std::string>(), signature->at("value").get<std::string>()};
  }
  return out;
}

// json sorts members by their bytes, which for the ASCII names here is RFC 8785's order.
json document_of(const Receipt& receipt) {
  json items = json::array();
  for (const auto& item : receipt.items) {
    items.push_back({{"control", item.control},
                     {"expected", item.expected},
                     {"observed", item.observed},
                     {"matches", item.matches}});
  }
  json doc = {{"schema", kSchema},        {"id", receipt.id},         {"taken", receipt.taken},
              {"mode", receipt.mode},     {"policy", receipt.policy}, {"digests", receipt.digests},
              {"items", std::move(items)}};
  if (receipt.chain) {
    doc["chain"] = {{"sequence", receipt.chain->sequence}, {"previous", receipt.chain->previous}};
  }
  return doc;
}

std::string dump(const json& doc) { return doc.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::vector<ReceiptItem> Receipt::mismatches() const {
  std::vector<ReceiptItem> out;
  std::copy_if(items.begin(), items.end(), std::back_inserter(out), [](const auto& item) { return !item.matches; });
  return out;
}

std::string attested_part(const Receipt& receipt) { return dump(document_of(receipt)); }

std::string to_json(const Receipt& receipt) {
  json doc = document_of(receipt);
  if (receipt.signature) {
    doc["signature"] = {{"algorithm", "ed25519"}, {"key", receipt.signature->key}, {"value", receipt.signature->value}};
  }
  return dump(doc);
}

Result<Receipt> parse_receipt(std::string_view text, std::string_view file) {
  const std::string_view bytes = text.ends_with('\n') ? text.substr(0, text.size() - 1) : text;
  const auto refuse = [&](const std::string& why) {
    return fail(ErrorCode::state, std::string(file) + ": damaged receipt: " + why);
  };
  try {
    Receipt out = from_json(json::parse(bytes));
    if (to_json(out) != bytes) {
      return refuse("not the canonical spelling of what it says (RFC 8785), or a member that none has");
    }
    return out;
  } catch (const json::exception& error) {
    return refuse(error.what());
  }
}

}  // namespace nucleus::state
