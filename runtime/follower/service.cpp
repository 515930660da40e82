#include "runtime/follower/service.hpp"

#include <algorithm>
#include <utility>

namespace nucleus::follower {
namespace {

constexpr std::size_t kRefreshesAtOnce = 16;

// The life of what both families led to: that of the shorter one.
std::optional<Millis> life_of_both(const std::optional<Upstream>& v4, const std::optional<Upstream>& v6) {
  std::optional<Millis> life;
  for (const auto* one : {&v4, &v6}) {
    if (*one && !(*one)->addresses.empty()) {
      life = std::min(life.value_or(life_of((*one)->ttl)), life_of((*one)->ttl));
    }
  }
  return life;
}

}  // namespace

void Service::take(std::string_view bytes, const Asker& asker) {
  if (!questions_.take(hands_.now())) {
    return;
  }
  auto parsed = parse_question(bytes);
  if (const auto* rejected = std::get_if<Reject>(&parsed)) {
    if (!rejected->reply.empty()) {
      hands_.reply(asker, rejected->reply);
    }
    return;
  }
  answer(std::get<Question>(parsed), asker);
}

void Service::answer(const Question& question, const Asker& asker) {
  const std::string text = text_of(question.name);
  // Names with bytes that host names do not have are nobody's, not even below a suffix.
  const auto name = wire_of(text);
  if (!name || !names_.allows(text)) {
    refuse(question, asker, text);
    return;
  }
  if (question.type != kTypeA && question.type != kTypeAaaa) {
    reply_rcode(asker, question, Rcode::noerror);
    return;
  }
  known_.touch(text, hands_.now());
  if (const KnownName* known = known_.fresh(text, hands_.now())) {
    answer_from(*known, question, asker);
    return;
  }
  wait_for(text, *name, question, asker);
}

void Service::refuse(const Question& question, const Asker& asker, const std::string& text) {
  Answer answer;
  // A search list made this of an allowed name. After NXDOMAIN libraries go on to the name itself; REFUSED stops some.
  answer.rcode = names_.allows_a_beginning_of(text) ? Rcode::nxdomain : Rcode::refused;
  answer.prohibited = true;
  reply(asker, question, answer);
  if (answer.rcode == Rcode::refused) {
    const std::uint64_t count = refused_.note(text, hands_.now());
    if (count != 0 && telling_.take(hands_.now())) {
      hands_.tell({"denied", text, "type " + std::to_string(question.type), count});
    }
  }
}

void Service::answer_from(const KnownName& known, const Question& question, const Asker& asker) {
  const FamilyAnswer& family = question.type == kTypeAaaa ? known.v6 : known.v4;
  const Millis now = hands_.now();
  Answer answer;
  answer.rcode = family.rcode;
  answer.addresses = family.addresses;
  answer.ttl = static_cast<std::uint32_t>((known.fresh_until - std::min(now, known.fresh_until)) / 1000);
  reply(asker, question, answer);
}

void Service::wait_for(const std::string& text, const WireName& name, const Question& question, const Asker& asker) {
  const bool running = lookups_.contains(text);
  const bool room = waiting_ < kWaitingLimit && (running || lookups_.size() < kLookupLimit);
  if (!room || (!running && !upstream_.take(hands_.now()))) {
    reply_rcode(asker, question, Rcode::servfail);
    return;
  }
  Lookup& lookup = lookups_[text];
  lookup.by_client = true;
  lookup.waiting.push_back({question, asker});
  ++waiting_;
  if (!running) {
    start_lookup(text, name);  // in lower case: the case of letters tells the outside nothing
  }
}

void Service::reply(const Asker& asker, const Question& question, const Answer& answer) {
  hands_.reply(asker, compose_reply(question, answer, asker.carrier));
}

void Service::reply_rcode(const Asker& asker, const Question& question, Rcode rcode) {
  Answer answer;
  answer.rcode = rcode;
  reply(asker, question, answer);
}

void Service::start_lookup(const std::string& text, const WireName& name) {
  lookups_[text].name = name;
  // `found` may be called before `ask` returns, and the second one removes the lookup.
  for (const bool v6 : {false, true}) {
    hands_.ask(name, v6 ? kTypeAaaa : kTypeA,
               [this, text, v6](std::optional<Upstream> upstream) { found(text, v6, std::move(upstream)); });
  }
}

void Service::found(const std::string& text, bool v6, std::optional<Upstream> upstream) {
  const auto it = lookups_.find(text);
  if (it == lookups_.end()) {
    return;
  }
  (v6 ? it->second.v6 : it->second.v4) = std::move(upstream);
  if (it->second.v4 && it->second.v6) {
    Lookup lookup = std::move(it->second);
    lookups_.erase(it);
    waiting_ -= lookup.waiting.size();
    finish(text, std::move(lookup));
  }
}

void Service::finish(const std::string& text, Lookup lookup) {
  const Millis now = hands_.now();
  const auto life = life_of_both(*lookup.v4, *lookup.v6);
  const Millis end = now + life.value_or(0) + kGrace;
  KnownName known;
  known.name = std::move(lookup.name);
  known.v4 = open_family(text, false, *lookup.v4, end);
  known.v6 = open_family(text, true, *lookup.v6, end);
  known.fresh_until = now + life.value_or(0);
  for (const Waiting& waiting : lookup.waiting) {
    answer_from(known, waiting.question, waiting.asker);
  }
  const bool opened = !known.v4.addresses.empty() || !known.v6.addresses.empty();
  known_.learn(text, std::move(known), opened ? life : std::nullopt, lookup.by_client, now);
}

// Opens what one family's answer leads to. What is returned may be told to clients.
FamilyAnswer Service::open_family(const std::string& text, bool v6, const std::optional<Upstream>& upstream,
                                  Millis end) {
  FamilyAnswer answer;
  if (!upstream) {
    if (telling_.take(hands_.now())) {
      hands_.tell({"failed", text, v6 ? "AAAA: no usable answer" : "A: no usable answer"});
    }
    return answer;
  }
  std::vector<Destination> destinations;
  for (const Address& address : upstream->addresses) {
    auto grants = names_.grants(text, address);
    if (!grants.empty()) {
      answer.addresses.push_back(address);
      destinations.push_back({address, std::move(grants)});
    } else if (telling_.take(hands_.now())) {
      hands_.tell({"withheld", text, to_string(address)});
    }
  }
  answer.rcode = upstream->rcode;
  if (destinations.empty()) {
    return answer;
  }
  auto change = bindings(v6).open(destinations, end, hands_.now());
  const Status opened =
      change ? apply(v6, std::move(*change)) : Status(tl::unexpected<Error>(std::move(change).error()));
  if (!opened) {
    if (telling_.take(hands_.now())) {
      hands_.tell({"failed", text, opened.error().text});
    }
    return {};
  }
  return answer;
}

Status Service::apply(bool v6, Change change) {
  if (change.touches_kernel()) {
    TRY(hands_.apply(v6, change));
  }
  bindings(v6).commit(std::move(change));
  return {};
}

void Service::close_ended(bool v6) {
  Change change = bindings(v6).close_ended(hands_.now());
  if (change.after.empty()) {
    return;
  }
  // What cannot be removed is gone by the kernel's own timeout a moment later.
  if (const Status closed = hands_.apply(v6, change); !closed && telling_.take(hands_.now())) {
    hands_.tell({"failed", "", closed.error().text});
  }
  bindings(v6).commit(std::move(change));
}

void Service::do_due() {
  const Millis now = hands_.now();
  for (const bool v6 : {false, true}) {
    if (bindings(v6).next_end().value_or(now + 1) <= now) {
      close_ended(v6);
    }
  }
  for (const WireName& name : known_.take_due(now, kRefreshesAtOnce)) {
    const std::string text = text_of(name);
    if (!lookups_.contains(text) && lookups_.size() < kLookupLimit && upstream_.take(now)) {
      start_lookup(text, name);
    }
  }
}

std::optional<Millis> Service::next_due() const {
  std::optional<Millis> next = known_.next_due(hands_.now());
  for (const Bindings* one : {&bindings4_, &bindings6_}) {
    if (one->next_end()) {
      next = std::min(next.value_or(*one->next_end()), *one->next_end());
    }
  }
  return next;
}

}  // namespace nucleus::follower
