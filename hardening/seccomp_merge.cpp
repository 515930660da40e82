#include "hardening/seccomp_merge.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

namespace nucleus::hardening {
namespace {

using Rules = std::vector<SyscallRule>;

// More pieces than this are not worth a filter; the call becomes stricter instead.
constexpr std::size_t kMaxPieces = 512;

constexpr int kMaxRounds = 8;

class Merger {
 public:
  Merger(const CallPolicy& ours, const CallPolicy& theirs)
      : ours_(ours), theirs_(theirs), fallback_(more_restrictive(ours.fallback, theirs.fallback)) {}

  MergedCall run() {
    pair_up();
    for (const SyscallRule& rule : ours_.rules) {
      where_other_is_silent(rule, true);
    }
    for (const SyscallRule& rule : theirs_.rules) {
      where_other_is_silent(rule, false);
    }
    make_denials_bite();
    drop_subsumed();
    split_unconditional();
    drop_inexpressible();
    if (overflow_) {
      give_up();
    }
    drop_subsumed();
    return {std::move(rules_), exact_};
  }

 private:
  void pair_up() {
    for (const SyscallRule& a : ours_.rules) {
      for (const SyscallRule& b : theirs_.rules) {
        if (apart(a.conditions, b.conditions)) {
          continue;
        }
        ArgSets both = a.conditions & b.conditions;
        if (!empty(both)) {
          rules_.push_back({std::move(both), more_restrictive(a.verdict, b.verdict)});
        }
      }
    }
  }

  // `rule` of one side where no rule of the other holds. Pairs that are stricter win anyway, so only the pairs that are
  // wider must be cut out.
  void where_other_is_silent(const SyscallRule& rule, bool rule_is_ours) {
    const CallPolicy& other = rule_is_ours ? theirs_ : ours_;
    const auto decide = [&](Verdict theirs) {
      return rule_is_ours ? more_restrictive(rule.verdict, theirs) : more_restrictive(theirs, rule.verdict);
    };
    const Verdict verdict = decide(other.fallback);
    if (verdict == fallback_) {
      return;  // nothing wider reaches these calls: every other rule of this side meets the same fallback
    }
    Rules pieces = {{rule.conditions, verdict}};
    for (const SyscallRule& opposite : other.rules) {
      if (unconditional(opposite.conditions)) {
        return;  // never silent
      }
      if (verdict < decide(opposite.verdict)) {
        pieces = without(pieces, opposite.conditions);
      }
    }
    rules_.insert(rules_.end(), pieces.begin(), pieces.end());
  }

  Rules without(const Rules& from, const ArgSets& hole) {
    Rules rest;
    for (const SyscallRule& rule : from) {
      for (ArgSets& piece : subtract(rule.conditions, hole)) {
        rest.push_back({std::move(piece), rule.verdict});
      }
      if (rest.size() > kMaxPieces) {
        overflow_ = true;
        return {};
      }
    }
    return rest;
  }

  // A rule with the fallback's verdict is no rule to libseccomp, so wider ones must leave its calls out.
  void make_denials_bite() {
    Rules denials;
    std::copy_if(rules_.begin(), rules_.end(), std::back_inserter(denials),
                 [&](const SyscallRule& rule) { return rule.verdict == fallback_; });
    std::erase_if(rules_, [&](const SyscallRule& rule) { return rule.verdict == fallback_; });
    const auto wider =
        std::partition(rules_.begin(), rules_.end(), [&](const SyscallRule& rule) { return rule.verdict < fallback_; });
    Rules open(wider, rules_.end());
    rules_.erase(wider, rules_.end());
    for (const SyscallRule& denial : denials) {
      open = without(open, denial.conditions);
    }
    rules_.insert(rules_.end(), open.begin(), open.end());
  }

  // Sorted, and without rules that a rule at least as strict covers.
  void drop_subsumed() {
    if (rules_.size() < 2) {
      return;
    }
    std::sort(rules_.begin(), rules_.end(), [](const SyscallRule& a, const SyscallRule& b) {
      return a.verdict != b.verdict ? a.verdict < b.verdict : a.conditions < b.conditions;
    });
    rules_.erase(std::unique(rules_.begin(), rules_.end()), rules_.end());
    Rules kept;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      bool covered = false;
      for (std::size_t j = 0; j < rules_.size() && !covered; ++j) {
        covered =
            j != i && rules_[j].verdict <= rules_[i].verdict && subset_of(rules_[i].conditions, rules_[j].conditions);
      }
      if (!covered) {
        kept.push_back(rules_[i]);
      }
    }
    rules_ = std::move(kept);
  }

  // To libseccomp an unconditional rule wipes out the conditional ones of its call; here those are stricter.
  void split_unconditional() {
    if (rules_.size() < 2 || !unconditional(rules_.back().conditions)) {
      return;
    }
    Rules pieces = {rules_.back()};
    rules_.pop_back();
    for (const SyscallRule& stricter : rules_) {
      pieces = without(pieces, stricter.conditions);
    }
    rules_.insert(rules_.end(), pieces.begin(), pieces.end());
  }

  // Leaving a rule out is safe if it is the widest and wider than the fallback, which then takes its calls.
  void drop_inexpressible() {
    const auto says_too_much = [](const SyscallRule& rule) { return !expressible(rule.conditions); };
    if (std::none_of(rules_.begin(), rules_.end(), says_too_much)) {
      return;
    }
    exact_ = false;
    Verdict widest = fallback_;
    for (const SyscallRule& rule : rules_) {
      widest = std::max(widest, rule.verdict);
    }
    std::erase_if(rules_, [&](const SyscallRule& rule) {
      return says_too_much(rule) && rule.verdict == widest && rule.verdict.action > fallback_.action;
    });
    overflow_ |= std::any_of(rules_.begin(), rules_.end(), says_too_much);
  }

  // The whole call gets the strictest verdict that either profile has for it.
  void give_up() {
    exact_ = false;
    Verdict strictest = fallback_;
    for (const CallPolicy* side : {&ours_, &theirs_}) {
      for (const SyscallRule& rule : side->rules) {
        strictest = more_restrictive(strictest, rule.verdict);
      }
    }
    rules_.clear();
    if (strictest != fallback_) {
      rules_.push_back({{}, strictest});
    }
  }

  const CallPolicy ours_;
  const CallPolicy theirs_;
  Verdict fallback_;
  Rules rules_;
  bool exact_ = true;
  bool overflow_ = false;
};

// The one verdict for all of a call's arguments, which is what most calls of a profile have.
std::optional<Verdict> plain_verdict(const CallPolicy& call) {
  if (call.rules.empty()) {
    return call.fallback;
  }
  return unconditional(call.rules.front().conditions) ? std::optional(call.rules.front().verdict) : std::nullopt;
}

}  // namespace

MergedCall merge(const CallPolicy& ours, const CallPolicy& theirs) {
  const Verdict fallback = more_restrictive(ours.fallback, theirs.fallback);
  const auto our_plain = plain_verdict(ours);
  const auto their_plain = plain_verdict(theirs);
  if (our_plain && their_plain) {
    const Verdict verdict = more_restrictive(*our_plain, *their_plain);
    return {verdict == fallback ? Rules{} : Rules{{{}, verdict}}, true};
  }
  MergedCall merged = Merger(ours, theirs).run();
  // One verdict: the rules are already the same ones that merging with ours again gives. With several, the same calls
  // can be covered in more ways than one, so the way is repeated until it stays.
  const auto other_verdict = [&](const SyscallRule& rule) { return rule.verdict != merged.rules.front().verdict; };
  for (int round = 0; round < kMaxRounds && std::any_of(merged.rules.begin(), merged.rules.end(), other_verdict);
       ++round) {
    MergedCall again = Merger(ours, {merged.rules, fallback}).run();
    const bool stays = again.rules == merged.rules;
    again.exact = again.exact && merged.exact;
    merged = std::move(again);
    if (stays) {
      break;
    }
  }
  return merged;
}

}  // namespace nucleus::hardening
