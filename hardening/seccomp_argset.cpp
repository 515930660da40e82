#include "hardening/seccomp_argset.hpp"

#include <algorithm>
#include <bit>

namespace nucleus::hardening {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

// The smallest x >= lo with (x & mask) == bits.
std::optional<std::uint64_t> next_match(std::uint64_t lo, std::uint64_t mask, std::uint64_t bits) {
  if ((lo & mask) == bits) {
    return lo;
  }
  // x agrees with lo above bit p, is 1 there where lo is 0, and is as small as it can be below: the lowest p wins.
  for (int p = 0; p < 64; ++p) {
    const std::uint64_t bit = 1ULL << p;
    const std::uint64_t above = ~(bit | (bit - 1));
    const bool prefix_fits = (lo & above & mask) == (bits & above);
    const bool may_be_one = (mask & bit) == 0 || (bits & bit) != 0;
    if ((lo & bit) == 0 && prefix_fits && may_be_one) {
      return (lo & above) | bit | (bits & (bit - 1));
    }
  }
  return std::nullopt;
}

// The largest x <= hi with (x & mask) == bits: the mirror image.
std::optional<std::uint64_t> previous_match(std::uint64_t hi, std::uint64_t mask, std::uint64_t bits) {
  const auto mirrored = next_match(~hi, mask, ~bits & mask);
  return mirrored ? std::optional(~*mirrored) : std::nullopt;
}

// All ones above some bit, so that the matching values are one interval.
bool is_prefix(std::uint64_t mask) { return (~mask & (~mask + 1)) == 0; }

}  // namespace

ArgSet::ArgSet(const Condition& condition) {
  const std::uint64_t value = condition.value;
  switch (condition.op) {
    case Compare::ne:
      holes_ = {value};
      break;
    case Compare::le:
      hi_ = value;
      break;
    case Compare::ge:
      lo_ = value;
      break;
    case Compare::eq:
      lo_ = hi_ = value;
      break;
    case Compare::lt:
      lo_ = value == 0 ? 1 : 0;
      hi_ = value == 0 ? 0 : value - 1;
      break;
    case Compare::gt:
      lo_ = value == kMax ? 1 : value + 1;
      hi_ = value == kMax ? 0 : kMax;
      break;
    case Compare::masked_eq:
      mask_ = value;
      bits_ = condition.value_two & value;
      break;
  }
  normalize();
}

bool ArgSet::contains(std::uint64_t value) const {
  return lo_ <= value && value <= hi_ && (value & mask_) == bits_ &&
         !std::binary_search(holes_.begin(), holes_.end(), value);
}

// Bounds move inward to members of the set; a mask that only repeats the bounds goes away.
void ArgSet::shrink_to_mask() {
  if (mask_ == 0 || empty()) {
    return;
  }
  const auto first = next_match(lo_, mask_, bits_);
  const auto last = previous_match(hi_, mask_, bits_);
  lo_ = first && last ? *first : 1;
  hi_ = first && last ? *last : 0;
  if (is_prefix(mask_) || lo_ >= hi_) {
    mask_ = bits_ = 0;
  }
}

// Holes outside of the set say nothing; a hole on a bound moves the bound.
void ArgSet::trim_holes() {
  std::sort(holes_.begin(), holes_.end());
  holes_.erase(std::unique(holes_.begin(), holes_.end()), holes_.end());
  while (!empty() && !holes_.empty()) {
    std::erase_if(holes_, [this](std::uint64_t hole) { return hole < lo_ || hole > hi_ || (hole & mask_) != bits_; });
    if (holes_.empty()) {
      return;
    }
    if (lo_ == hi_) {
      lo_ = 1, hi_ = 0;  // the only value is a hole
    } else if (holes_.front() == lo_) {
      ++lo_;
    } else if (holes_.back() == hi_) {
      --hi_;
    } else {
      return;
    }
    shrink_to_mask();
  }
}

void ArgSet::normalize() {
  shrink_to_mask();
  trim_holes();
  if (empty()) {
    lo_ = 1, hi_ = 0;
    mask_ = bits_ = 0;
    holes_.clear();
  }
}

bool ArgSet::subset_of(const ArgSet& other) const {
  if (empty() || other.everything()) {
    return true;
  }
  return !everything() && !apart_from(other) && (*this & other) == *this;
}

ArgSet ArgSet::operator&(const ArgSet& other) const {
  if (other.everything()) {
    return *this;
  }
  if (everything()) {
    return other;
  }
  ArgSet both = *this;
  both.lo_ = std::max(lo_, other.lo_);
  both.hi_ = std::min(hi_, other.hi_);
  if (apart_from(other)) {
    both.lo_ = 1, both.hi_ = 0;
  }
  both.mask_ |= other.mask_;
  both.bits_ |= other.bits_;
  both.holes_.insert(both.holes_.end(), other.holes_.begin(), other.holes_.end());
  both.normalize();
  return both;
}

std::vector<ArgSet> ArgSet::complement() const {
  std::vector<ArgSet> rest;
  if (empty()) {
    return {ArgSet()};
  }
  if (lo_ > bits_) {  // not merely what the mask says
    rest.push_back(ArgSet({Compare::lt, lo_, 0}));
  }
  if (hi_ < (bits_ | ~mask_)) {
    rest.push_back(ArgSet({Compare::gt, hi_, 0}));
  }
  for (std::uint64_t left = mask_; left != 0; left &= left - 1) {
    const std::uint64_t bit = left & (~left + 1);
    rest.push_back(ArgSet({Compare::masked_eq, bit, ~bits_ & bit}));
  }
  for (const std::uint64_t hole : holes_) {
    rest.push_back(ArgSet({Compare::eq, hole, 0}));
  }
  return rest;
}

std::optional<Condition> ArgSet::condition() const {
  if (empty() || everything()) {
    return std::nullopt;
  }
  if (lo_ == hi_) {
    return Condition{Compare::eq, lo_, 0};
  }
  if (mask_ != 0) {
    const bool mask_only = holes_.empty() && lo_ == bits_ && hi_ == (bits_ | ~mask_);
    return mask_only ? std::optional(Condition{Compare::masked_eq, mask_, bits_}) : std::nullopt;
  }
  if (!holes_.empty()) {
    const bool hole_only = holes_.size() == 1 && lo_ == 0 && hi_ == kMax;
    return hole_only ? std::optional(Condition{Compare::ne, holes_.front(), 0}) : std::nullopt;
  }
  if (lo_ == 0) {
    return Condition{Compare::le, hi_, 0};
  }
  if (hi_ == kMax) {
    return Condition{Compare::ge, lo_, 0};
  }
  const std::uint64_t span = lo_ ^ hi_;
  const bool aligned_block = (span & (span + 1)) == 0 && (lo_ & span) == 0;
  return aligned_block ? std::optional(Condition{Compare::masked_eq, ~span, lo_}) : std::nullopt;
}

bool empty(const ArgSets& sets) {
  return std::any_of(sets.begin(), sets.end(), [](const ArgSet& set) { return set.empty(); });
}

bool unconditional(const ArgSets& sets) {
  return std::all_of(sets.begin(), sets.end(), [](const ArgSet& set) { return set.everything(); });
}

bool expressible(const ArgSets& sets) {
  return std::all_of(sets.begin(), sets.end(),
                     [](const ArgSet& set) { return set.everything() || set.condition().has_value(); });
}

bool subset_of(const ArgSets& inner, const ArgSets& outer) {
  for (std::size_t i = 0; i < inner.size(); ++i) {
    if (!inner[i].subset_of(outer[i])) {
      return false;
    }
  }
  return true;
}

bool apart(const ArgSets& a, const ArgSets& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].apart_from(b[i])) {
      return true;
    }
  }
  return false;
}

ArgSets operator&(const ArgSets& a, const ArgSets& b) {
  ArgSets both;
  for (std::size_t i = 0; i < both.size(); ++i) {
    both[i] = a[i] & b[i];
    if (both[i].empty()) {
      break;  // nothing matches, whatever the other arguments are
    }
  }
  return both;
}

std::vector<ArgSets> subtract(const ArgSets& a, const ArgSets& b) {
  if (empty(a & b)) {
    return {a};
  }
  std::vector<ArgSets> rest;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (const ArgSet& outside : b[i].complement()) {
      ArgSets piece = a;
      piece[i] = a[i] & outside;
      if (!piece[i].empty()) {
        rest.push_back(std::move(piece));
      }
    }
  }
  return rest;
}

}  // namespace nucleus::hardening
