#include "oci/merge_resources.hpp"

#include "oci/fields_resources.hpp"

namespace nucleus::oci {
namespace {

template <class T>
void merge(T& base, const T& change) {
  if (change != T{}) {
    base = change;
  }
}

template <class T>
void merge(std::map<std::string, T>& base, const std::map<std::string, T>& change) {
  for (const auto& [name, value] : change) {
    base.insert_or_assign(name, value);
  }
}

template <class T>
void merge(std::optional<T>& base, const std::optional<T>& change) {
  if (!change) {
    return;
  }
  if constexpr (Described<T>) {
    T merged = base.value_or(T{});
    for_each_field<T>([&](const auto& field) { merge(merged.*field.member, *change.*field.member); });
    base = merged;
  } else {
    base = change;
  }
}

template <class T>
void drop_zero(std::optional<T>& value) {
  if (value == T{0}) {
    value.reset();
  }
}

void drop_unset(Resources& change) {
  if (auto& memory = change.memory) {
    drop_zero(memory->limit);
    drop_zero(memory->reservation);
    drop_zero(memory->swap);
    drop_zero(memory->kernel);
    drop_zero(memory->kernel_tcp);
  }
  if (auto& cpu = change.cpu) {
    drop_zero(cpu->shares);
    drop_zero(cpu->quota);
    drop_zero(cpu->period);
    drop_zero(cpu->realtime_period);
    drop_zero(cpu->realtime_runtime);
  }
  if (auto& pids = change.pids) {
    drop_zero(pids->limit);
  }
  if (auto& block = change.block_io) {
    drop_zero(block->weight);
    drop_zero(block->leaf_weight);
  }
}

}  // namespace

void merge_resources(Resources& base, const Resources& change) {
  Resources set = change;
  drop_unset(set);
  for_each_field<Resources>([&](const auto& field) { merge(base.*field.member, set.*field.member); });
}

}  // namespace nucleus::oci
