#include <algorithm>

#include "runtime/cli/command.hpp"
#include "runtime/launch/container.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"format", 'f', "table|json", "shape of the output"},
                               {"quiet", 'q', "", "ids only"},
                               {"help", 'h', "", "print this text"}};

using Row = std::vector<std::string>;

std::string pad(const Row& row, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    std::string cell = row[i];
    if (i + 1 < row.size()) {
      cell.resize(widths[i] + 4, ' ');
    }
    line += cell;
  }
  return line + "\n";
}

std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string out;
  for (const Row& row : rows) {
    out += pad(row, widths);
  }
  return out;
}

std::string pid_text(const launch::Container& container) {
  return std::to_string(container.alive() ? container.record.pid : 0);
}

Row row_of(const launch::Container& container) {
  const std::string owner = container.record.owner == 0 ? "root" : "#" + std::to_string(container.record.owner);
  return {container.record.id,     pid_text(container),      std::string(launch::status_name(container.status)),
          container.record.bundle, container.record.created, owner};
}

std::string json_list(const std::vector<launch::Container>& containers) {
  std::string out = "[";
  for (const auto& container : containers) {
    std::string item = launch::state_json(container, launch::status_name(container.status));
    out += (out.size() > 1 ? "," : "") + item;
  }
  return out + "]\n";
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  const std::string format = arguments.get("format", "table");
  if (format != "table" && format != "json") {
    return fail(ErrorCode::usage, "invalid format option");
  }
  const state::Store store = globals.store();
  TRY_ASSIGN(const auto ids, store.list());
  std::vector<launch::Container> containers;
  for (const auto& id : ids) {
    // Gone meanwhile, or never written down: not an entry.
    if (auto container = launch::find_container(store, id, launch::Locking::none)) {
      containers.push_back(std::move(*container));
    }
  }
  if (format == "json") {
    TRY(print(json_list(containers)));
    return 0;
  }
  std::vector<Row> rows = {{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
  std::string quiet;
  for (const auto& container : containers) {
    rows.push_back(row_of(container));
    quiet += container.record.id + "\n";
  }
  TRY(print(arguments.has("quiet") ? quiet : table(rows)));
  return 0;
}

}  // namespace

constinit const Command kList = {"list", "", "list the containers of this state root", kOptions, 0, 0, run};

}  // namespace nucleus::cli
