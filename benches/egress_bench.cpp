// What egress rules cost a start: compiling a policy, encoding the transaction, and having the kernel take it in a fresh
// network namespace (root). The empty policy beside a large one: 1,000 networks, and 200 names more.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <sched.h>

#include <chrono>
#include <string>

#include "hardening/egress_compile.hpp"
#include "runtime/sys/nftables.hpp"

namespace nucleus {
namespace {

enum class Size : std::uint8_t { empty, inbound, networks, names };

hardening::EgressPolicy policy_of(Size size) {
  hardening::EgressPolicy policy;
  const auto allow = [&](const std::string& text) {
    policy.allow.push_back(hardening::parse_egress_entry(text, "").value());
  };
  for (int i = 0; size >= Size::networks && i < 1000; ++i) {
    allow("10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".0/25:443");
  }
  for (int i = 0; size == Size::names && i < 200; ++i) {
    allow("service" + std::to_string(i) + ".example:443");
  }
  policy.resolvers = {hardening::parse_address("10.89.0.1").value()};
  return policy;
}

nft::Table table_of(Size size) {
  return hardening::compile_egress(policy_of(size), {"bench", "/run/nucleus", size != Size::empty, 5353});
}

void compile(benchmark::State& state) {
  const auto size = static_cast<Size>(state.range(0));
  const auto policy = policy_of(size);
  for (auto _ : state) {
    benchmark::DoNotOptimize(hardening::compile_egress(policy, {"bench", "/run/nucleus", size != Size::empty, 5353}));
  }
}

void encode(benchmark::State& state) {
  const nft::Table table = table_of(static_cast<Size>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(sys::encode_table(table)->bytes.size());
  }
  // What a start holds at once: the ruleset and its transaction.
  const auto before = ::mallinfo2();
  const nft::Table held = table_of(static_cast<Size>(state.range(0)));
  const auto batch = sys::encode_table(held);
  const auto after = ::mallinfo2();
  state.counters["batch"] = static_cast<double>(batch->bytes.size());
  state.counters["heap"] = static_cast<double>(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd);
}

// The socket, the transaction and its acknowledgements; the namespace itself is not counted.
void install(benchmark::State& state) {
  const auto batch = sys::encode_table(table_of(static_cast<Size>(state.range(0)))).value();
  for (auto _ : state) {
    if (::unshare(CLONE_NEWNET) != 0) {
      state.SkipWithError("needs root: unshare network namespace");
      return;
    }
    const auto begin = std::chrono::steady_clock::now();
    const auto socket = sys::open_nftables();
    const auto sent = socket ? sys::send_batch(socket->get(), batch) : Status(tl::unexpected<Error>(socket.error()));
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    if (!sent) {
      state.SkipWithError(sent.error().text.c_str());
      return;
    }
    state.SetIterationTime(spent.count());
  }
}

// 0: everything denied; 1: the same with answers to connections from outside; 2: 1,000 networks; 3: and 200 names
BENCHMARK(compile)->DenseRange(0, 3)->Unit(benchmark::kMicrosecond);
BENCHMARK(encode)->DenseRange(0, 3)->Unit(benchmark::kMicrosecond);
BENCHMARK(install)->DenseRange(0, 3)->UseManualTime()->Iterations(200)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace nucleus
