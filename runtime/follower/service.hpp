// What the follower does with questions, apart from sockets: decides, looks up, opens, replies, refreshes. Everything it
// reaches the outside by is handed in.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/follower/allowed_names.hpp"
#include "runtime/follower/bindings.hpp"
#include "runtime/follower/dns_answer.hpp"
#include "runtime/follower/dns_message.hpp"
#include "runtime/follower/known_names.hpp"
#include "runtime/follower/limits.hpp"

namespace nucleus::follower {

inline constexpr std::size_t kLookupLimit = 64;    // names being looked up
inline constexpr std::size_t kWaitingLimit = 256;  // questions that wait for them

// Where a reply goes.
struct Asker {
  Carrier carrier = Carrier::udp;
  int socket = -1;          // UDP
  sockaddr_storage peer{};  // UDP
  socklen_t peer_length = 0;
  std::uint64_t client = 0;  // TCP
};

// Something to be told. Kinds: "start", "end", "denied", "withheld" (an address that a name may not lead to), "failed".
struct Event {
  std::string_view kind;
  std::string name;         // as text_of() gives it; may be empty
  std::string detail;       // may be empty
  std::uint64_t count = 1;  // so often since it was said last
};

struct Hands {
  using Found = std::function<void(std::optional<Upstream>)>;

  std::function<Millis()> now;
  // One lookup of one type; `found` is called exactly once, possibly at once. Nothing: it failed.
  std::function<void(const WireName&, std::uint16_t type, Found found)> ask;
  // Carries out a change of the set of one family, all of it or nothing.
  std::function<Status(bool v6, const Change&)> apply;
  std::function<void(const Asker&, std::string)> reply;
  std::function<void(const Event&)> tell;
};

class Service {
 public:
  Service(AllowedNames names, Hands hands) : names_(std::move(names)), hands_(std::move(hands)) {}

  // A message from a client.
  void take(std::string_view bytes, const Asker& asker);
  // Refreshes names and closes what has ended; to be called when next_due() has come.
  void do_due();
  [[nodiscard]] std::optional<Millis> next_due() const;

  [[nodiscard]] std::size_t lookups() const { return lookups_.size(); }

 private:
  struct Waiting {
    Question question;
    Asker asker;
  };
  struct Lookup {
    WireName name;
    std::optional<std::optional<Upstream>> v4, v6;  // empty: not there yet
    std::vector<Waiting> waiting;
    bool by_client = false;
  };

  void answer(const Question& question, const Asker& asker);
  void refuse(const Question& question, const Asker& asker, const std::string& text);
  void answer_from(const KnownName& known, const Question& question, const Asker& asker);
  void wait_for(const std::string& text, const WireName& name, const Question& question, const Asker& asker);
  void reply(const Asker& asker, const Question& question, const Answer& answer);
  void reply_rcode(const Asker& asker, const Question& question, Rcode rcode);

  void start_lookup(const std::string& text, const WireName& name);
  void found(const std::string& text, bool v6, std::optional<Upstream> upstream);
  void finish(const std::string& text, Lookup lookup);
  FamilyAnswer open_family(const std::string& text, bool v6, const std::optional<Upstream>& upstream, Millis end);
  Status apply(bool v6, Change change);
  void close_ended(bool v6);
  Bindings& bindings(bool v6) { return v6 ? bindings6_ : bindings4_; }

  AllowedNames names_;
  Hands hands_;
  Bindings bindings4_, bindings6_;
  KnownNames known_;
  RefusedNames refused_;
  std::map<std::string, Lookup> lookups_;
  std::size_t waiting_ = 0;
  Budget questions_{1000, 500};
  Budget upstream_{128, 64};
  Budget telling_{32, 4};
};

}  // namespace nucleus::follower
