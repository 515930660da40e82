#include "runtime/watcher/records.hpp"

#include <algorithm>
#include <bit>

#include "hardening/seccomp_table.hpp"

namespace nucleus::watcher {
namespace {

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  return std::rotl((hash ^ value) * kOdd, 29);
}

std::uint64_t hash_of(const Sighting& sighting) {
  std::uint64_t hash = mix(static_cast<std::uint64_t>(sighting.call.nr),
                           (static_cast<std::uint64_t>(sighting.verdict) << 16U) + sighting.sys_errno);
  for (std::uint32_t i = 0; i < sighting.call.count; ++i) {
    hash = mix(mix(hash, sighting.call.args[i].mask), sighting.call.args[i].value);
  }
  return hash;
}

template <std::size_t N>
void set_name(std::array<char, N>& to, std::string_view name) {
  to.fill('\0');
  std::copy_n(name.begin(), std::min(name.size(), N - 1), to.begin());
}

template <std::size_t N>
std::string name_of(const std::array<char, N>& from) {
  return {from.begin(), std::find(from.begin(), from.end(), '\0')};
}

}  // namespace

// The bucket that has the call, or the empty one where it belongs: there are twice as many as slots.
std::uint16_t* Records::bucket_of(const Sighting& sighting) {
  std::size_t at = hash_of(sighting) % kBuckets;
  while (index_[at] != 0 && slots_[index_[at] - 1U].sighting != sighting) {
    at = (at + 1) % kBuckets;
  }
  return &index_[at];
}

const Records::Slot* Records::find(const Sighting& sighting) const {
  const std::uint16_t number = *const_cast<Records*>(this)->bucket_of(sighting);
  return number == 0 ? nullptr : &slots_[number - 1U];
}

hardening::TraceCall Records::known(const seccomp_data& data) {
  if (data.nr < 0 || data.nr >= static_cast<int>(kNumbers)) {
    hardening::TraceCall out;
    out.nr = kNumbers - 1;
    return out;
  }
  std::array<std::uint64_t, hardening::kSyscallArgs> args{};
  std::copy(std::begin(data.args), std::end(data.args), args.begin());
  return hardening::generalise(data.nr, args);
}

bool Records::wants_name(const Sighting& sighting) const {
  const Slot* const slot = find(sighting);
  return slot == nullptr || std::has_single_bit(slot->count + 1);
}

void Records::note(const Sighting& sighting, std::string_view name) {
  std::uint16_t* const bucket = bucket_of(sighting);
  ++changes_;
  if (*bucket == 0) {
    std::uint16_t& different = different_[static_cast<std::size_t>(sighting.call.nr)];
    if (used_ == slots_.size() || different == kMostOfOne) {
      ++lost_;
      return;
    }
    Slot& fresh = slots_[used_];
    fresh.sighting = sighting;
    fresh.count = 0;
    set_name(fresh.first, name);
    ++used_;
    ++different;
    *bucket = static_cast<std::uint16_t>(used_);
  }
  Slot& slot = slots_[*bucket - 1U];
  ++slot.count;
  if (!name.empty()) {
    set_name(slot.last, name);
  }
}

std::string Records::text() const {
  std::string out;
  for (std::uint32_t i = 0; i < used_; ++i) {
    const Slot& slot = slots_[i];
    const auto& call = slot.sighting.call;
    hardening::TraceRecord record;
    record.syscall = hardening::syscall_name(call.nr);
    record.nr = call.nr;
    record.args.assign(call.args.begin(), call.args.begin() + call.count);
    record.count = slot.count;
    record.first = name_of(slot.first);
    record.last = name_of(slot.last);
    record.verdict = slot.sighting.verdict;
    record.sys_errno = slot.sighting.sys_errno;
    out += hardening::trace_line(record);
  }
  return out;
}

}  // namespace nucleus::watcher
