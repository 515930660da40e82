#include <algorithm>
#include <fstream>
#include <optional>

#include "hardening/signature.hpp"
#include "runtime/cli/command.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/receipt_check.hpp"
#include "runtime/launch/receipt_take.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", 'f', "text|json", "shape of the output"},
    {"live", 0, "", "read the kernel now; also what egress denied since"},
    {"verify", 0, "", "read the kernel again and compare; with --file, check receipts alone"},
    {"file", 0, "FILE", "receipts to verify, one a line, in the place of a container's"},
    {"key", 0, "FILE", "public key (Ed25519, PEM) that must have signed what is verified"},
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

Result<int> answer(const std::vector<std::string>& complaints, const std::string& verified) {
  std::string out;
  for (const auto& complaint : complaints) {
    out += "NO " + complaint + "\n";
  }
  TRY(print(complaints.empty() ? verified + "\n" : out));
  return complaints.empty() ? 0 : kDiffers;
}

// Of the command line, else the one that the host's configuration named when the container was created.
Result<std::optional<hardening::PublicKey>> key_for(const Arguments& arguments,
                                                    const hardening::ReceiptSettings& settings) {
  if (arguments.has("key")) {
    TRY_ASSIGN(const auto key, hardening::read_public_key(arguments.get("key")));
    return key;
  }
  if (settings.key.empty()) {
    return std::nullopt;
  }
  TRY_ASSIGN(const auto key, hardening::read_private_key(settings.key));
  TRY_ASSIGN(const auto half, hardening::public_key_of(key));
  return half;
}

Result<int> verify(const Arguments& arguments, const launch::Container& container, const state::Receipt& stored) {
  TRY_ASSIGN(const auto confinement, launch::load_confinement(container.directory));
  TRY_ASSIGN(const auto key, key_for(arguments, confinement.receipt));
  TRY_ASSIGN(const auto now, live_receipt(container));
  auto differences = changes(stored, now);
  const Status signature = key ? launch::check_receipt_signature(stored, *key, launch::kReceiptFile) : Status{};
  if (!signature) {
    differences.push_back(signature.error().text);
  }
  return answer(differences, std::string("verified: the kernel still enforces what was planned") +
                                 (key ? ", and the receipt is signed" : ""));
}

Result<int> verify_file(const Arguments& arguments) {
  const std::string path = arguments.get("file");
  TRY_ASSIGN(const auto key, key_for(arguments, {}));
  std::ifstream file(path);
  launch::ReceiptCheck check(path, key);
  for (std::string line; std::getline(file, line);) {
    check.add(line);
  }
  if (!file.eof() || check.count() == 0) {
    return fail(ErrorCode::invalid_config, path + ": cannot be read, or has no receipt");
  }
  return answer(check.complaints(),
                "verified: " + std::to_string(check.count()) + " receipts in their order, " +
                    (key ? std::to_string(check.signed_count()) + " signed by " + hardening::key_id(*key)
                         : std::string("signatures not looked at (no --key)")));
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  if (arguments.has("file")) {
    return arguments.has("verify") && arguments.rest.empty()
               ? verify_file(arguments)
               : fail(ErrorCode::usage, "--file goes with --verify and without a container");
  }
  if (arguments.rest.empty()) {
    return fail(ErrorCode::usage, "container id cannot be empty");
  }
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY_ASSIGN(const auto container, launch::find_container(globals.store(), id, launch::Locking::none));
  const auto text = container.directory.read(launch::kReceiptFile);
  if (!text) {
    return fail(ErrorCode::state, "no receipt: the container was not started, or runs in passthrough mode");
  }
  TRY_ASSIGN(auto receipt, state::parse_receipt(*text, launch::kReceiptFile));
  if (arguments.has("verify")) {
    return verify(arguments, container, receipt);
  }
  const std::string format = arguments.get("format", "text");
  if (format != "text" && format != "json") {
    return fail(ErrorCode::usage, "invalid format: " + format);
  }
  if (arguments.has("live")) {
    TRY_ASSIGN(receipt, live_receipt(container));
  }
  TRY(print(format == "json" ? state::to_json(receipt) + "\n" : text_of(receipt)));
  return receipt.mismatches().empty() ? 0 : kDiffers;
}

}  // namespace

constinit const Command kReceipt = {
    "receipt", "<container-id>", "show what the kernel enforces on a container", kOptions, 0, 1, run};

}  // namespace nucleus::cli
