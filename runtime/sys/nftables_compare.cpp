#include <algorithm>
#include <tuple>

#include "runtime/sys/nftables.hpp"

namespace nucleus::sys {
namespace {

// The kernel counts in ticks of 1 to 10 ms.
bool close_enough(std::uint64_t a, std::uint64_t b) { return std::max(a, b) - std::min(a, b) <= 10; }

bool same_expression(const nft::Expression& sent, const nft::Expression& kernel) {
  const auto* const update = std::get_if<nft::Update>(&sent);
  const auto* const other = std::get_if<nft::Update>(&kernel);
  if (update != nullptr && other != nullptr) {
    return update->set == other->set && update->reg == other->reg &&
           close_enough(update->timeout_ms, other->timeout_ms);
  }
  return sent == kernel;
}

bool same_rule(const nft::Rule& sent, const nft::Rule& kernel) {
  return std::equal(sent.expressions.begin(), sent.expressions.end(), kernel.expressions.begin(),
                    kernel.expressions.end(), same_expression);
}

bool same_shape(const nft::Set& sent, const nft::Set& kernel) {
  return std::tie(sent.name, sent.fields, sent.interval, sent.dynamic, sent.timeout, sent.size) ==
             std::tie(kernel.name, kernel.fields, kernel.interval, kernel.dynamic, kernel.timeout, kernel.size) &&
         close_enough(sent.timeout_ms, kernel.timeout_ms);
}

using Range = std::pair<nft::Bytes, nft::Bytes>;

// What is in the set, each once.
template <class Elements, class Get>
std::vector<Range> ranges_of(const Elements& elements, Get get) {
  std::vector<Range> ranges;
  ranges.reserve(elements.size());
  for (const auto& item : elements) {
    ranges.emplace_back(get(item).first, get(item).last);
  }
  std::sort(ranges.begin(), ranges.end());
  ranges.erase(std::unique(ranges.begin(), ranges.end()), ranges.end());
  return ranges;
}

bool same_elements(const nft::Set& sent, const NftReading::Set& kernel) {
  return ranges_of(sent.elements, [](const nft::Element& element) -> const nft::Element& { return element; }) ==
         ranges_of(kernel.elements,
                   [](const NftReading::Element& item) -> const nft::Element& { return item.element; });
}

std::optional<std::string> set_difference(const nft::Set& sent, const NftReading::Set& kernel) {
  if (!same_shape(sent, kernel.shape)) {
    return "set " + sent.name;
  }
  if (!sent.dynamic && !sent.timeout && !same_elements(sent, kernel)) {
    return "elements of set " + sent.name;
  }
  return std::nullopt;
}

std::optional<std::string> chain_difference(const nft::Chain& sent, const nft::Chain& kernel) {
  if (std::tie(sent.name, sent.type, sent.priority, sent.policy, sent.hook) !=
      std::tie(kernel.name, kernel.type, kernel.priority, kernel.policy, kernel.hook)) {
    return "chain " + sent.name;
  }
  if (sent.rules.size() != kernel.rules.size()) {
    return "number of rules of " + sent.name;
  }
  for (std::size_t i = 0; i < sent.rules.size(); ++i) {
    if (!same_rule(sent.rules[i], kernel.rules[i])) {
      return "rule " + std::to_string(i + 1) + " of " + sent.name;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> first_difference(const nft::Table& sent, const NftReading& kernel) {
  if (sent.comment != kernel.comment) {
    return "comment";
  }
  if (sent.sets.size() != kernel.sets.size()) {
    return "number of sets";
  }
  if (sent.chains.size() != kernel.chains.size()) {
    return "number of chains";
  }
  for (std::size_t i = 0; i < sent.sets.size(); ++i) {
    if (auto difference = set_difference(sent.sets[i], kernel.sets[i])) {
      return difference;
    }
  }
  for (std::size_t i = 0; i < sent.chains.size(); ++i) {
    if (auto difference = chain_difference(sent.chains[i], kernel.chains[i])) {
      return difference;
    }
  }
  return std::nullopt;
}

}  // namespace nucleus::sys
