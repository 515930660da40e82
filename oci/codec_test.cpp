#include <gtest/gtest.h>

#include <cstdlib>
#include <type_traits>

#include "oci/decode.hpp"
#include "oci/document.hpp"
#include "oci/encode.hpp"
#include "oci/fields_linux.hpp"
#include "oci/fields_resources.hpp"
#include "oci/fields_spec.hpp"
#include "oci/spec_generator.hpp"
#include "oci/test_files.hpp"

namespace nucleus::oci {
namespace {

// Converts to anything, so that a brace initialiser with N of it compiles when the aggregate has at least N members.
struct Anything {
  template <class T>
  operator T() const {
    std::abort();
  }
};

template <class T, class... Members>
consteval std::size_t member_count() {
  if constexpr (requires { T{Members{}..., Anything{}}; }) {
    return member_count<T, Members..., Anything>();
  } else {
    return sizeof...(Members);
  }
}

template <class T>
constexpr bool kComplete = member_count<T>() == std::tuple_size_v<decltype(Fields<T>::list)> + 1;

// A member missing from its description would be dropped by every rewrite. The one more is `extra`.
template <class... T>
struct AllComplete {
  static_assert((kComplete<T> && ...));
};
using Structs =
    ::testing::Types<ConsoleSize, User, Capabilities, Rlimit, Scheduler, IoPriority, ExecCpuAffinity, Process, Root,
                     Mount, Hook, Hooks, Spec, IdMapping, Namespace, Device, NetDevice, DeviceRule, MemoryLimits,
                     CpuLimits, PidsLimits, WeightDevice, ThrottleDevice, BlockIoLimits, HugepageLimit,
                     InterfacePriority, NetworkLimits, RdmaLimits, Resources, SeccompArg, SeccompRule, Seccomp,
                     IntelRdt, MemoryPolicy, Personality, TimeOffset, Linux>;
template <class... T>
AllComplete<T...> check_all(::testing::Types<T...>);
[[maybe_unused]] constexpr auto kAllComplete = sizeof(decltype(check_all(Structs{})));

// Values that must not decode into a member of type T.
template <class T>
std::vector<Json> wrong_values(const T&) {
  if constexpr (std::is_same_v<T, bool>) {
    return {1, "true", Json::array(), Json::object()};
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {1, true, 1.5, Json::array(), Json::object()};
  } else if constexpr (std::is_integral_v<T>) {
    return {"5", true, 1.5, 1000.0, 1e30, Json::array(), Json::object()};
  } else if constexpr (Described<T>) {
    return {"x", 1, false, Json::array()};
  } else {
    return {"x", 1, true};
  }
}
template <class T>
std::vector<Json> wrong_values(const std::optional<T>&) {
  return wrong_values(T{});
}
template <class T>
std::vector<Json> wrong_values(const std::vector<T>&) {
  std::vector<Json> out = {"x", 1, true, Json::object(), Json::array({nullptr})};
  for (const Json& element : wrong_values(T{})) {
    out.push_back(Json::array({element}));
  }
  return out;
}
template <class T>
std::vector<Json> wrong_values(const std::map<std::string, T>&) {
  std::vector<Json> out = {"x", 1, true, Json::array(), {{"key", nullptr}}};
  for (const Json& element : wrong_values(T{})) {
    out.push_back({{"key", element}});
  }
  return out;
}

template <class T>
class Codec : public ::testing::Test {};
TYPED_TEST_SUITE(Codec, Structs);

TYPED_TEST(Codec, EveryMemberRefusesEveryWrongType) {
  for_each_field<TypeParam>([](const auto& field) {
    TypeParam sample;
    for (const Json& wrong : wrong_values(sample.*field.member)) {
      TypeParam out;
      const Json document = {{std::string(field.name), wrong}};
      const Status status = decode(document, out, JsonPath());
      ASSERT_FALSE(status) << document;
      EXPECT_TRUE(status.error().text.starts_with(field.name)) << status.error().text;
      EXPECT_NE(status.error().text.find("expected "), std::string::npos) << status.error().text;
      EXPECT_EQ(status.error().code, ErrorCode::invalid_config);
    }
  });
}

TYPED_TEST(Codec, NullMeansAbsent) {
  Json document = Json::object();
  for_each_field<TypeParam>([&](const auto& field) { document[std::string(field.name)] = nullptr; });
  TypeParam out;
  ASSERT_TRUE(decode(document, out, JsonPath()));
  EXPECT_EQ(out, TypeParam{});
}

TYPED_TEST(Codec, DecodingUndoesEncoding) {
  testing::Generator random(7);
  for (int i = 0; i < 50; ++i) {
    TypeParam value;
    random.fill(value);
    TypeParam back;
    const Status status = decode(encode(value), back, JsonPath());
    ASSERT_TRUE(status) << status.error().text;
    EXPECT_EQ(back, value);
  }
}

TYPED_TEST(Codec, RefusesMembersThatDifferOnlyInCase) {
  for_each_field<TypeParam>([](const auto& field) {
    std::string name(field.name);
    name[0] = static_cast<char>(std::toupper(name[0]));
    TypeParam out;
    const Status status = decode({{name, nullptr}}, out, JsonPath());
    ASSERT_FALSE(status) << name;
    EXPECT_NE(status.error().text.find("only in case"), std::string::npos);
  });
}

TEST(Decode, IntegersKeepTheirRange) {
  const auto uid = [](std::string_view value) {
    const auto process = parse_process("{\"user\":{\"uid\":" + std::string(value) + "}}", "p.json");
    return process ? std::to_string(process->user.uid) : process.error().text;
  };
  EXPECT_EQ(uid("4294967295"), "4294967295");
  EXPECT_EQ(uid("0"), "0");
  EXPECT_EQ(uid("-1"), "p.json: user.uid: expected integer in 0..4294967295, got -1");
  EXPECT_EQ(uid("1099511627776"), "p.json: user.uid: expected integer in 0..4294967295, got 1099511627776");
  EXPECT_EQ(uid("1.5"), "p.json: user.uid: expected integer, got number 1.5");
  EXPECT_EQ(uid("1e3"), "p.json: user.uid: expected integer, got number 1000.0");
  EXPECT_EQ(uid("\"5\""), "p.json: user.uid: expected integer, got string");
  EXPECT_EQ(uid("true"), "p.json: user.uid: expected integer, got boolean");
}

TEST(Decode, SixtyFourBitsSurvive) {
  const auto spec = parse_spec(R"({"process":{"rlimits":[{"type":"x","hard":18446744073709551615,"soft":1}]},
                                   "linux":{"resources":{"memory":{"limit":-9223372036854775808}}}})",
                               "config.json");
  ASSERT_TRUE(spec) << spec.error().text;
  EXPECT_EQ(spec->process->rlimits.at(0).hard, 18446744073709551615ULL);
  EXPECT_EQ(spec->linux.resources->memory->limit, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(*parse_spec(to_json(*spec), "again"), *spec);
}

TEST(Decode, PathsLeadToThePlace) {
  const auto error = [](std::string_view text) { return parse_spec(text, "config.json").error().text; };
  EXPECT_EQ(error(R"({"process":{"args":["a",1]}})"), "config.json: process.args[1]: expected string, got number");
  EXPECT_EQ(error(R"({"linux":{"resources":{"memory":{"limit":"1"}}}})"),
            "config.json: linux.resources.memory.limit: expected integer, got string");
  EXPECT_EQ(error(R"({"annotations":{"a.b\n":1}})"),
            "config.json: annotations[\"a.b\\x0a\"]: expected string, got number");
  EXPECT_EQ(error("[]"), "config.json: expected object, got array");
  EXPECT_EQ(error(R"({"process":{"args":[null]}})"), "config.json: process.args[0]: expected string, got null");
}

TEST(Decode, UnknownMembersAreKeptAtEveryLevel) {
  const auto spec = parse_spec(R"({"windows":{"a":[1,null]},"process":{"commandLine":"x","user":{"sid":7}}})", "c");
  ASSERT_TRUE(spec) << spec.error().text;
  EXPECT_EQ(spec->extra.at("windows"), R"({"a":[1,null]})");
  EXPECT_EQ(spec->process->extra.at("commandLine"), "\"x\"");
  EXPECT_EQ(spec->process->user.extra.at("sid"), "7");
  EXPECT_EQ(*parse_spec(to_json(*spec), "c"), *spec);
}

TEST(Decode, CaseFoldingIsGos) {
  EXPECT_TRUE(folds_to("PROCESS", "process"));
  EXPECT_TRUE(folds_to("proce\xc5\xbfs", "process"));
  EXPECT_TRUE(
      folds_to("mas\xe2\x84\xaa"
               "edPaths",
               "maskedPaths"));
  EXPECT_FALSE(folds_to("processx", "process"));
  EXPECT_FALSE(folds_to("proces", "process"));
  EXPECT_FALSE(folds_to("", "process"));
}

TEST(Decode, FixturesRoundTrip) {
  for (const char* name : testing::kFixtures) {
    const auto spec = parse_spec(testing::read_fixture(name), name);
    ASSERT_TRUE(spec) << spec.error().text;
    EXPECT_TRUE(spec->extra.empty()) << name;
    const auto back = parse_spec(to_json(*spec, 2), name);
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(*back, *spec) << name;
  }
}

TEST(Encode, RequiredMembersAreAlwaysThere) {
  EXPECT_EQ(to_json(Spec{}), R"({"ociVersion":"","root":{"path":""}})");
  EXPECT_EQ(to_json(Process{}), R"({"cwd":"","user":{"gid":0,"uid":0}})");
  EXPECT_EQ(to_json(Seccomp{}), R"({"defaultAction":""})");
}

TEST(Encode, InvalidUtf8FromElsewhereDoesNotThrow) {
  Process process;
  process.args = {"\xff"};
  EXPECT_NE(to_json(process).find("\xef\xbf\xbd"), std::string::npos);
}

}  // namespace
}  // namespace nucleus::oci
