#include "runtime/launch/receipt_chain.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "hardening/signature.hpp"
#include "runtime/launch/receipt_check.hpp"

namespace nucleus::launch {
namespace {

// RFC 8032, 7.1, TEST 1.
constexpr std::array<std::uint8_t, 32> kSeed = {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a,
                                                0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32,
                                                0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};

class Chain : public ::testing::Test {
 protected:
  Chain() {
    std::string pattern = (std::filesystem::temp_directory_path() / "chain.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    root_ = UniqueFd(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
  ~Chain() override { std::filesystem::remove_all(directory_); }

  static state::Receipt receipt(const std::string& id) {
    state::Receipt out;
    out.id = id;
    out.taken = "2026-01-02T03:04:05.000000006Z";
    out.mode = "agent";
    out.policy = "default";
    out.items = {{"uid", "0", "0", true}};
    return out;
  }

  // As a start does it.
  state::Receipt keep(const std::string& id, const std::string& log) {
    auto chain = ReceiptChain::open(root_.get(), log).value();
    state::Receipt out = receipt(id);
    out.chain = chain.next();
    std::string value = hardening::signature_text(hardening::sign(state::attested_part(out), key_).value());
    value.pop_back();
    out.signature = state::ReceiptSignature{hardening::key_id(hardening::public_key_of(key_).value()), value};
    EXPECT_TRUE(chain.append(out));
    return out;
  }
  [[nodiscard]] std::string log() const { return directory_ + "/log"; }
  static std::string text_of(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
  }
  static void put(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

  [[nodiscard]] std::vector<std::string> complaints(const std::string& text, bool with_key = true) const {
    ReceiptCheck check("log", with_key ? std::optional(hardening::public_key_of(key_).value()) : std::nullopt);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      check.add(line);
    }
    return check.complaints();
  }

  hardening::PrivateKey key_{kSeed};
  std::string directory_;
  UniqueFd root_;
};

TEST_F(Chain, BeginsAtOneAndFollowsTheReceiptBefore) {
  for (const std::string& where : {std::string(), log()}) {
    const auto first = keep("a", where);
    EXPECT_EQ(first.chain->sequence, 1U);
    EXPECT_EQ(first.chain->previous, no_link());
    const auto second = keep("b", where);
    EXPECT_EQ(second.chain->sequence, 2U);
    EXPECT_EQ(second.chain->previous, link_digest(first));
    EXPECT_EQ(keep("c", where).chain->previous, link_digest(second));
  }
}

TEST_F(Chain, ALogIsVerifiedWithThePublicKeyAlone) {
  for (const char* id : {"a", "b", "c", "d"}) {
    keep(id, log());
  }
  EXPECT_EQ(complaints(text_of(log())), std::vector<std::string>{});
  EXPECT_EQ(complaints(text_of(log()), false), std::vector<std::string>{});
}

TEST_F(Chain, EveryChangedByteIsFound) {
  keep("a", log());
  keep("b", log());
  const std::string good = text_of(log());
  for (std::size_t at = 0; at + 1 < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    EXPECT_NE(complaints(bad), std::vector<std::string>{}) << at << ": " << bad;
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    out.push_back(line + "\n");
  }
  return out;
}

TEST_F(Chain, RemovedExchangedAndRepeatedReceiptsAreFound) {
  for (const char* id : {"a", "b", "c", "d"}) {
    keep(id, log());
  }
  const auto all = lines_of(text_of(log()));
  for (const bool with_key : {true, false}) {
    EXPECT_NE(complaints(all[0] + all[2] + all[3], with_key), std::vector<std::string>{}) << "removed";
    EXPECT_NE(complaints(all[0] + all[2] + all[1] + all[3], with_key), std::vector<std::string>{}) << "exchanged";
    EXPECT_NE(complaints(all[0] + all[1] + all[1] + all[2], with_key), std::vector<std::string>{}) << "repeated";
    EXPECT_NE(complaints(all[3] + all[2] + all[1] + all[0], with_key), std::vector<std::string>{}) << "turned round";
  }
  // What is left of a log at its ends is a log: a part can be handed on.
  EXPECT_EQ(complaints(all[1] + all[2]), std::vector<std::string>{});
}

TEST_F(Chain, AReceiptOfAnotherKeyOrOfNoneIsFound) {
  auto receipt = keep("a", log());
  receipt.signature->key[0] = receipt.signature->key[0] == '0' ? '1' : '0';
  EXPECT_NE(complaints(state::to_json(receipt)), std::vector<std::string>{});
  receipt.signature.reset();
  EXPECT_EQ(complaints(state::to_json(receipt)), std::vector<std::string>{"log:1: not signed"});
  EXPECT_EQ(complaints(state::to_json(receipt), false), std::vector<std::string>{});
  receipt.chain.reset();
  EXPECT_EQ(complaints(state::to_json(receipt), false), std::vector<std::string>{"log:1: of no chain"});
}

TEST_F(Chain, WhatWasNotEnforcedIsSaid) {
  auto bad = receipt("a");
  bad.chain = state::ReceiptLink{1, no_link()};
  bad.items[0] = {"uid", "0", "7", false};
  ASSERT_EQ(complaints(state::to_json(bad), false).size(), 1U);
}

TEST_F(Chain, AHalfWrittenLineIsCutOff) {
  keep("a", log());
  const std::string good = text_of(log());
  for (const std::size_t length : {std::size_t{1}, good.size() / 2, good.size() - 1}) {
    put(log(), good + good.substr(0, length));
    keep("b", log());
    EXPECT_EQ(complaints(text_of(log())), std::vector<std::string>{}) << length;
    EXPECT_EQ(lines_of(text_of(log())).size(), 2U);
    put(log(), good);
  }
  put(log(), good.substr(0, 20));  // the very first
  keep("a", log());
  EXPECT_EQ(text_of(log()), good);
}

TEST_F(Chain, ADamagedEndIsAnErrorAndNoNewBeginning) {
  for (const char* text : {"x", "7", "7 abc\n", "-1 0000\n", "99999999999999999999999 00\n"}) {
    put(directory_ + "/~receipts", text);
    EXPECT_FALSE(ReceiptChain::open(root_.get(), "")) << text;
  }
  for (const char* text : {"x\n", "{}\n", "\n\n"}) {
    put(log(), text);
    EXPECT_FALSE(ReceiptChain::open(root_.get(), log())) << text;
  }
}

TEST_F(Chain, FilesThatOthersMayWriteAreRefused) {
  for (const std::string& path : {directory_ + "/~receipts", log()}) {
    put(path, "");
    ::chmod(path.c_str(), 0620);
    EXPECT_FALSE(ReceiptChain::open(root_.get(), path == log() ? path : ""));
    std::filesystem::remove(path);
    std::filesystem::create_symlink("/dev/null", path);
    EXPECT_FALSE(ReceiptChain::open(root_.get(), path == log() ? path : ""));
    std::filesystem::remove(path);
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    EXPECT_FALSE(ReceiptChain::open(root_.get(), path == log() ? path : ""));
    std::filesystem::remove(path);
  }
  EXPECT_FALSE(ReceiptChain::open(root_.get(), directory_ + "/absent/log"));
}

TEST_F(Chain, AFullDiskLeavesTheLogAsItWas) {
  keep("a", log());
  const std::string good = text_of(log());
  auto chain = ReceiptChain::open(root_.get(), log()).value();
  auto next = receipt("b");
  next.chain = chain.next();
  // RLIMIT_FSIZE stands in for the disk: in a child, since the signal and the limit are the process's.
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{good.size() + 10, good.size() + 10};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(chain.append(next) ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text_of(log()), good);
}

}  // namespace
}  // namespace nucleus::launch
