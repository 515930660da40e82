// For the kernel tests of nftables: a network namespace for each, and nft(8) as the judge.
#pragma once

#include <sched.h>

#include <array>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include "runtime/sys/kernel_test_support.hpp"
#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/nftables.hpp"
#include "runtime/sys/nftables_test_tables.hpp"

namespace nucleus::sys::test {

// What a command prints; "exit status N" where it fails.
inline std::string output_of(const std::string& command) {
  const auto close_pipe = [](std::FILE* pipe) { return ::pclose(pipe); };
  // NOLINTNEXTLINE(cert-env33-c): tests run commands of their own
  std::unique_ptr<std::FILE, decltype(close_pipe)> pipe(::popen((command + " 2>&1").c_str(), "re"), close_pipe);
  std::string text;
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    text.append(buffer.data(), got);
  }
  const int status = ::pclose(pipe.release());
  return status == 0 ? text : "exit status " + std::to_string(status) + ": " + text;
}

class NftablesTest : public ::testing::Test {
 public:
  // `body` with a socket in a new network namespace, lo up.
  static void in_netns(const std::function<void(int)>& body) {
    in_child(CLONE_NEWNET, [&] {
      ASSERT_OK(bring_loopback_up());
      ASSERT_OK_ASSIGN(const UniqueFd socket, open_nftables());
      body(socket.get());
    });
  }
  static void install(int socket, const nft::Table& table) {
    ASSERT_OK_ASSIGN(const NftBatch batch, encode_table(table));
    ASSERT_OK(send_batch(socket, batch));
  }
  static std::string difference(int socket, const nft::Table& table) {
    const auto reading = read_table(socket, table.name);
    return reading ? first_difference(table, *reading).value_or("none") : reading.error().text;
  }
};

// A chain of the output hook that drops what `rules` do not accept.
inline nft::Table one_chain(std::vector<nft::Rule> rules, std::vector<nft::Set> sets = {}) {
  return {.name = "x",
          .comment = "",
          .sets = std::move(sets),
          .chains = {{"output", nft::ChainType::filter, 0, nft::Verdict::drop, std::move(rules)}}};
}

}  // namespace nucleus::sys::test
