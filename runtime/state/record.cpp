#include "runtime/state/record.hpp"

#include <nlohmann/json.hpp>

namespace nucleus::state {
namespace {

using nlohmann::json;

json hook_json(const oci::Hook& hook) {
  json out = {{"path", hook.path}, {"args", hook.args}, {"env", hook.env}};
  if (hook.timeout) {
    out["timeout"] = *hook.timeout;
  }
  return out;
}

json hooks_json(const std::vector<oci::Hook>& hooks) {
  json out = json::array();
  for (const auto& hook : hooks) {
    out.push_back(hook_json(hook));
  }
  return out;
}

std::vector<oci::Hook> parse_hooks(const json& list) {
  std::vector<oci::Hook> out;
  for (const auto& item : list) {
    oci::Hook hook;
    hook.path = item.at("path").get<std::string>();
    hook.args = item.at("args").get<std::vector<std::string>>();
    hook.env = item.at("env").get<std::vector<std::string>>();
    if (item.contains("timeout")) {
      hook.timeout = item["timeout"].get<std::int64_t>();
    }
    out.push_back(std::move(hook));
  }
  return out;
}

json cgroups_json(const std::vector<CgroupDirectory>& directories) {
  json out = json::array();
  for (const auto& directory : directories) {
    out.push_back({{"controllers", directory.controllers}, {"path", directory.path}});
  }
  return out;
}

std::vector<CgroupDirectory> parse_cgroups(const json& list) {
  std::vector<CgroupDirectory> out;
  for (const auto& item : list) {
    out.push_back({item.at("controllers").get<std::string>(), item.at("path").get<std::string>()});
  }
  return out;
}

json unit_json(const std::optional<UnitReference>& unit) {
  if (!unit) {
    return nullptr;
  }
  return {{"bus", unit->bus}, {"name", unit->name}, {"description", unit->description}};
}

std::optional<UnitReference> parse_unit(const json& unit) {
  if (unit.is_null()) {
    return std::nullopt;
  }
  return UnitReference{unit.at("bus").get<std::string>(), unit.at("name").get<std::string>(),
                       unit.at("description").get<std::string>()};
}

json egress_json(const std::optional<EgressTable>& table) {
  if (!table) {
    return nullptr;
  }
  return {{"table", table->name}, {"path", table->path}, {"device", table->device}, {"inode", table->inode}};
}

std::optional<EgressTable> parse_egress(const json& table) {
  if (table.is_null()) {
    return std::nullopt;
  }
  return EgressTable{table.at("table").get<std::string>(), table.at("path").get<std::string>(),
                     table.at("device").get<std::uint64_t>(), table.at("inode").get<std::uint64_t>()};
}

Record from_json(const json& doc) {
  Record out;
  out.id = doc.at("id").get<std::string>();
  out.bundle = doc.at("bundle").get<std::string>();
  out.rootfs = doc.at("rootfs").get<std::string>();
  out.created = doc.at("created").get<std::string>();
  out.mode = doc.at("mode").get<std::string>();
  out.policy = doc.at("policy").get<std::string>();
  out.pid = doc.at("pid").get<int>();
  out.start_time = doc.at("startTime").get<std::uint64_t>();
  out.cgroups = parse_cgroups(doc.at("cgroups"));
  out.unit = parse_unit(doc.at("unit"));
  out.egress = parse_egress(doc.at("egress"));
  out.annotations = doc.at("annotations").get<std::map<std::string, std::string>>();
  out.poststart = parse_hooks(doc.at("poststart"));
  out.poststop = parse_hooks(doc.at("poststop"));
  out.owner = doc.at("owner").get<std::uint32_t>();
  out.shared_pid = doc.at("sharedPid").get<bool>();
  return out;
}

}  // namespace

std::string to_json(const Record& record) {
  const json doc = {{"id", record.id},
                    {"bundle", record.bundle},
                    {"rootfs", record.rootfs},
                    {"created", record.created},
                    {"mode", record.mode},
                    {"policy", record.policy},
                    {"pid", record.pid},
                    {"startTime", record.start_time},
                    {"cgroups", cgroups_json(record.cgroups)},
                    {"unit", unit_json(record.unit)},
                    {"egress", egress_json(record.egress)},
                    {"annotations", record.annotations},
                    {"poststart", hooks_json(record.poststart)},
                    {"poststop", hooks_json(record.poststop)},
                    {"owner", record.owner},
                    {"sharedPid", record.shared_pid}};
  return doc.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<Record> parse_record(std::string_view text, std::string_view file) {
  try {
    return from_json(json::parse(text));
  } catch (const json::exception& error) {
    return fail(ErrorCode::state, std::string(file) + ": damaged state: " + error.what());
  }
}

}  // namespace nucleus::state
