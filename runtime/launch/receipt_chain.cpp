#include "runtime/launch/receipt_chain.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <ctime>

#include "hardening/digest.hpp"
#include "runtime/base/io.hpp"

namespace nucleus::launch {
namespace {

constexpr const char* kEndFile = "~receipts";
constexpr std::size_t kLargestReceipt = 8 * 1024 * 1024;
constexpr std::chrono::seconds kPatience{10};

Status lock(int fd, const std::string& shown) {
  constexpr timespec kPause{0, 2'000'000};
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return fail_errno("lock " + shown);
    }
    if (std::chrono::steady_clock::now() >= end) {
      return fail(ErrorCode::state, shown + " is busy: another start has not ended with it");
    }
    ::nanosleep(&kPause, nullptr);
  }
  return {};
}

Result<std::size_t> trusted_size(int fd, const std::string& shown) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    return fail_errno("stat " + shown);
  }
  const bool owned = info.st_uid == 0 || info.st_uid == ::geteuid();
  if (!S_ISREG(info.st_mode) || !owned || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(ErrorCode::policy, shown + ": not a regular file that only root or the caller may write");
  }
  return static_cast<std::size_t>(info.st_size);
}

Result<std::string> read_range(int fd, std::size_t begin, std::size_t end, const std::string& shown) {
  std::string out(end - begin, '\0');
  for (std::size_t have = 0; have < out.size();) {
    const ssize_t got = ::pread(fd, out.data() + have, out.size() - have, static_cast<off_t>(begin + have));
    if (got <= 0 && errno != EINTR) {
      return fail_errno("read " + shown);
    }
    have += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  }
  return out;
}

}  // namespace

std::string link_digest(const state::Receipt& receipt) {
  return hardening::to_hex(hardening::sha256(state::attested_part(receipt)));
}

std::string no_link() { return std::string(64, '0'); }

Result<ReceiptChain> ReceiptChain::open(int root, const std::string& log) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  const std::string shown = log.empty() ? kEndFile : log;
  auto file = log.empty() ? open_at(root, kEndFile, kFlags, 0600) : open_at(AT_FDCWD, log, kFlags, 0600);
  if (!file) {
    // The system's words mean other things to engines here (a missing program).
    return fail(ErrorCode::state, "cannot open " + shown + " (errno " + std::to_string(file.error().sys_errno) + ")");
  }
  TRY(trusted_size(file->get(), shown));
  TRY(lock(file->get(), shown));
  ReceiptChain chain(std::move(*file), !log.empty());
  chain.next_.previous = no_link();
  TRY(log.empty() ? chain.read_end(shown) : chain.read_log(shown));
  return chain;
}

// "SEQUENCE DIGEST\n"
Status ReceiptChain::read_end(const std::string& shown) {
  TRY_ASSIGN(const std::size_t size, trusted_size(file_.get(), shown));
  if (size == 0) {
    return {};
  }
  TRY_ASSIGN(const std::string text, read_range(file_.get(), 0, std::min<std::size_t>(size, 128), shown));
  std::uint64_t sequence = 0;
  const auto [after, bad] = std::from_chars(text.data(), text.data() + text.size(), sequence);
  const std::string rest(after, text.data() + text.size());
  if (bad != std::errc() || rest.size() != 66 || rest.front() != ' ' || rest.back() != '\n' ||
      !hardening::parse_sha256(rest.substr(1, 64))) {
    return fail(ErrorCode::state, shown + " of the state root is damaged; remove it to begin a new chain of receipts");
  }
  next_ = {sequence + 1, rest.substr(1, 64)};
  return {};
}

Status ReceiptChain::read_log(const std::string& shown) {
  TRY_ASSIGN(const std::size_t size, trusted_size(file_.get(), shown));
  const std::size_t begin = size > kLargestReceipt ? size - kLargestReceipt : 0;
  TRY_ASSIGN(std::string tail, read_range(file_.get(), begin, size, shown));
  const std::size_t whole = tail.rfind('\n') == std::string::npos ? 0 : tail.rfind('\n') + 1;
  if (whole == 0 && begin != 0) {
    return fail(ErrorCode::state, shown + ": not a log of receipts");
  }
  if (begin + whole != size && ::ftruncate(file_.get(), static_cast<off_t>(begin + whole)) != 0) {
    return fail_errno("cut an unfinished line off " + shown);
  }
  tail.resize(whole);
  if (tail.empty()) {
    return {};
  }
  tail.pop_back();
  const std::size_t newline = tail.rfind('\n');
  TRY_ASSIGN(const auto last,
             state::parse_receipt(newline == std::string::npos ? tail : tail.substr(newline + 1), shown));
  if (!last.chain) {
    return fail(ErrorCode::state, shown + ": its last receipt is of no chain");
  }
  next_ = {last.chain->sequence + 1, link_digest(last)};
  return {};
}

Status ReceiptChain::append(const state::Receipt& receipt) {
  const std::string line =
      is_log_ ? state::to_json(receipt) + "\n" : std::to_string(next_.sequence) + " " + link_digest(receipt) + "\n";
  const off_t begin = is_log_ ? ::lseek(file_.get(), 0, SEEK_END) : 0;
  if (::lseek(file_.get(), begin, SEEK_SET) != begin) {
    return fail_errno("seek in the chain of receipts");
  }
  Status written = write_all(file_.get(), line, "the chain of receipts");
  if (!written && is_log_) {
    static_cast<void>(::ftruncate(file_.get(), begin) == 0);  // what stays is cut off by the next one
  }
  return written;
}

}  // namespace nucleus::launch
