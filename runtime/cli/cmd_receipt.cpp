#include <algorithm>

#include "runtime/cli/command.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/receipt_take.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"format", 'f', "text|json", "shape of the output"},
                               {"live", 0, "", "read the kernel now; also what egress denied since"},
                               {"verify", 0, "", "read the kernel again and compare"},
                               {"help", 'h', "", "print this text"}};

constexpr int kDiffers = 2;

std::string text_of(const state::Receipt& receipt) {
  constexpr std::size_t kColumn = 28;
  std::string out = "receipt of " + receipt.id + ", taken " + receipt.taken + "\nmode " + receipt.mode + ", policy " +
                    receipt.policy + "\n";
  for (const auto& [name, digest] : receipt.digests) {
    if (!digest.empty()) {
      out.append("sha256 ").append(name).append(" ").append(digest).append("\n");
    }
  }
  for (const auto& item : receipt.items) {
    std::string line = std::string(item.matches ? (item.expected.empty() ? "  -  " : "  ok ") : "  NO ") + item.control;
    line.resize(std::max<std::size_t>(kColumn, line.size() + 1), ' ');
    std::string observed = item.observed;
    for (char& c : observed) {
      c = c == '\n' || c == '\t' ? ' ' : c;
    }
    out += line + observed + (item.matches ? "" : "   (planned: " + item.expected + ")") + "\n";
  }
  const auto checked = std::count_if(receipt.items.begin(), receipt.items.end(),
                                     [](const state::ReceiptItem& item) { return !item.expected.empty(); });
  const std::size_t wrong = receipt.mismatches().size();
  const std::string seen = std::to_string(receipt.items.size() - static_cast<std::size_t>(checked));
  return out + std::to_string(checked) + " controls compared with the plan, " +
         (wrong == 0 ? "all enforced" : std::to_string(wrong) + " NOT enforced") + "; " + seen + " only recorded\n";
}

// What was true at the start and is not any more. Observations without an expectation may change (cgroup contents).
std::vector<std::string> changes(const state::Receipt& then, const state::Receipt& now) {
  std::vector<std::string> out;
  for (const auto& item : now.items) {
    if (!item.matches) {
      out.push_back(item.control + ": planned " + item.expected + ", now " + item.observed);
    }
  }
  // What is masked was observed, not planned: not every path exists. What was covered must stay so.
  for (const auto& item : then.items) {
    const auto same = [&](const state::ReceiptItem& other) { return other.control == item.control; };
    const auto hit = std::find_if(now.items.begin(), now.items.end(), same);
    if (item.control.starts_with("masked ") && (hit == now.items.end() || hit->observed != item.observed)) {
      out.push_back(item.control + ": was " + item.observed + ", now " +
                    (hit == now.items.end() ? "not looked at" : hit->observed));
    }
  }
  for (const auto& [name, digest] : then.digests) {
    const auto hit = now.digests.find(name);
    if (hit == now.digests.end() || hit->second != digest) {
      out.push_back("digest " + name + " changed");
    }
  }
  return out;
}

Result<state::Receipt> live_receipt(const launch::Container& container) {
  if (!container.alive()) {
    return fail(ErrorCode::state, "container not running");
  }
  TRY_ASSIGN(const auto confinement, launch::load_confinement(container.directory));
  return launch::take_receipt(container, confinement, false);
}

Result<int> verify(const launch::Container& container, const state::Receipt& stored) {
  TRY_ASSIGN(const auto now, live_receipt(container));
  const auto differences = changes(stored, now);
  std::string out;
  for (const auto& difference : differences) {
    out += "NO " + difference + "\n";
  }
  TRY(print(out + (differences.empty() ? "verified: the kernel still enforces what was planned\n" : "")));
  return differences.empty() ? 0 : kDiffers;
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY_ASSIGN(const auto container, launch::find_container(globals.store(), id, launch::Locking::none));
  const auto text = container.directory.read(launch::kReceiptFile);
  if (!text) {
    return fail(ErrorCode::state, "no receipt: the container was not started, or runs in passthrough mode");
  }
  TRY_ASSIGN(auto receipt, state::parse_receipt(*text, launch::kReceiptFile));
  if (arguments.has("verify")) {
    return verify(container, receipt);
  }
  const std::string format = arguments.get("format", "text");
  if (format != "text" && format != "json") {
    return fail(ErrorCode::usage, "invalid format: " + format);
  }
  if (arguments.has("live")) {
    TRY_ASSIGN(receipt, live_receipt(container));
  }
  TRY(print(format == "json" ? state::to_json(receipt, 2) : text_of(receipt)));
  return receipt.mismatches().empty() ? 0 : kDiffers;
}

}  // namespace

constinit const Command kReceipt = {
    "receipt", "<container-id>", "show what the kernel enforces on a container", kOptions, 1, 1, run};

}  // namespace nucleus::cli
