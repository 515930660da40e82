#include "hardening/policy_toml.hpp"

#include <set>
#include <utility>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "hardening/json_text.hpp"

namespace nucleus::hardening {
namespace {

std::string at(const std::string& file, const toml::source_position& position) {
  return file + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
}

// The library quotes what it found, line ends and all.
std::string one_line(std::string_view text) {
  constexpr unsigned char kDelete = 0x7f;
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    c = byte < ' ' || byte == kDelete ? ' ' : c;
  }
  return out;
}

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string:
      return "string";
    case toml::node_type::integer:
      return "integer";
    case toml::node_type::boolean:
      return "boolean";
    case toml::node_type::array:
      return "array";
    case toml::node_type::table:
      return "table";
    case toml::node_type::floating_point:
      return "float";
    default:
      return "date or time";
  }
}

}  // namespace

struct TomlTable::Node {
  std::shared_ptr<const toml::table> document;  // owns what `table` points into
  const toml::table* table = nullptr;
  std::string file;
  std::set<std::string, std::less<>> asked;

  const toml::node* find(std::string_view key) {
    asked.emplace(key);
    return table->get(key);
  }
  [[nodiscard]] std::string place(const toml::node& node) const { return at(file, node.source().begin); }
  [[nodiscard]] tl::unexpected<Error> wrong_type(std::string_view key, std::string_view expected,
                                                 const toml::node& node) const {
    return fail_at(place(node),
                   std::string(key) + ": expected " + std::string(expected) + ", got " + std::string(type_name(node)));
  }
};

tl::unexpected<Error> fail_at(const std::string& place, const std::string& what) {
  return fail(ErrorCode::invalid_config, place + ": " + what);
}

Result<TomlTable> TomlTable::parse(std::string_view bytes, std::string_view file) {
  auto parsed = toml::parse(bytes);
  const std::string name(file);
  if (!parsed) {
    const auto& error = parsed.error();
    return fail_at(at(name, error.source().begin), one_line(error.description()));
  }
  auto node = std::make_shared<Node>();
  node->document = std::make_shared<const toml::table>(std::move(parsed).table());
  node->table = node->document.get();
  node->file = name;
  return TomlTable(std::move(node));
}

Result<std::optional<TomlText>> TomlTable::text(std::string_view key) {
  const toml::node* const node = node_->find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const auto* const value = node->as_string();
  if (value == nullptr) {
    return node_->wrong_type(key, "string", *node);
  }
  return TomlText{value->get(), node_->place(*node)};
}

Result<std::optional<std::int64_t>> TomlTable::integer(std::string_view key, std::int64_t least, std::int64_t most) {
  const toml::node* const node = node_->find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const auto* const value = node->as_integer();
  if (value == nullptr) {
    return node_->wrong_type(key, "integer", *node);
  }
  if (value->get() < least || value->get() > most) {
    return fail_at(node_->place(*node), std::string(key) + ": expected " + std::to_string(least) + " to " +
                                            std::to_string(most) + ", got " + std::to_string(value->get()));
  }
  return value->get();
}

Result<std::optional<bool>> TomlTable::boolean(std::string_view key) {
  const toml::node* const node = node_->find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const auto* const value = node->as_boolean();
  if (value == nullptr) {
    return node_->wrong_type(key, "boolean", *node);
  }
  return value->get();
}

Result<std::vector<TomlText>> TomlTable::texts(std::string_view key) {
  std::vector<TomlText> out;
  const toml::node* const node = node_->find(key);
  if (node == nullptr) {
    return out;
  }
  const auto* const array = node->as_array();
  if (array == nullptr) {
    return node_->wrong_type(key, "array of strings", *node);
  }
  for (const toml::node& element : *array) {
    const auto* const value = element.as_string();
    if (value == nullptr) {
      return node_->wrong_type(key, "array of strings", element);
    }
    out.push_back({value->get(), node_->place(element)});
  }
  return out;
}

Result<std::optional<TomlTable>> TomlTable::table(std::string_view key) {
  const toml::node* const node = node_->find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const auto* const value = node->as_table();
  if (value == nullptr) {
    return node_->wrong_type(key, "table", *node);
  }
  return TomlTable(std::make_shared<Node>(Node{node_->document, value, node_->file, {}}));
}

Result<std::vector<TomlTable>> TomlTable::tables(std::string_view key) {
  std::vector<TomlTable> out;
  const toml::node* const node = node_->find(key);
  if (node == nullptr) {
    return out;
  }
  const auto* const array = node->as_array();
  if (array == nullptr) {
    return node_->wrong_type(key, "array of tables", *node);
  }
  for (const toml::node& element : *array) {
    const auto* const value = element.as_table();
    if (value == nullptr) {
      return node_->wrong_type(key, "array of tables", element);
    }
    out.push_back(TomlTable(std::make_shared<Node>(Node{node_->document, value, node_->file, {}})));
  }
  return out;
}

Status TomlTable::refuse_unknown() const {
  for (const auto& [key, value] : *node_->table) {
    if (!node_->asked.contains(key.str())) {
      return fail_at(at(node_->file, key.source().begin), "unknown key " + json_text(key.str()));
    }
  }
  return {};
}

std::string TomlTable::place() const { return at(node_->file, node_->table->source().begin); }

}  // namespace nucleus::hardening
