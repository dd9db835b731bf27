#include "compiler/Support/Json.h"
#include "test/compiler/TestFiles.h"

using namespace vitc;
using namespace vitc::test;

static llvm::Expected<JsonDocument> parse(llvm::StringRef text) {
  return JsonDocument::parse(text.str(), "f.json");
}

static void expectRefused(llvm::StringRef text, std::initializer_list<llvm::StringRef> parts) {
  expectError(parse(text), ExitCode::Input, parts);
}

TEST(Json, KeepsOrderKindsAndExactNumbers) {
  auto document =
      get(parse(R"({"b": 9007199254740993, "a": [true, null, -3, 0.1, "x\u00e9"], "o": {"k": 1e3}})"));
  ASSERT_TRUE(document);
  JsonRef root = document->root();
  ASSERT_EQ(root.members().size(), 3u);
  EXPECT_EQ(root.members()[0].first, "b");
  EXPECT_EQ(*get(root.find("b")->asInteger(0, INT64_MAX)), 9007199254740993);
  auto list = *get(root.find("a")->asArray());
  ASSERT_EQ(list.size(), 5u);
  EXPECT_TRUE(*get(list[0].asBool()));
  EXPECT_TRUE(list[1].isNull());
  EXPECT_EQ(*get(list[2].asInteger(-10, 10)), -3);
  EXPECT_EQ(*get(list[3].asNumber()), 0.1);
  EXPECT_EQ(*get(list[4].asString()), "x\xc3\xa9");
  EXPECT_EQ(*get(root.find("o")->find("k")->asNumber()), 1000);
  EXPECT_FALSE(root.find("c"));
}

TEST(Json, PositionsAndPaths) {
  auto document = get(parse("{\n  \"size\": [224,\n    \"big\"],\n \"o\": { \"k\" : -1 } }"));
  ASSERT_TRUE(document);
  auto size = *get(document->root().find("size")->asArray());
  expectError(size[1].asInteger(1, 10), ExitCode::Input,
              {"f.json:3:5: size[1]: expected an integer from 1 to 10, got 'big'"});
  expectError(document->root().find("o")->find("k")->asInteger(1, 10), ExitCode::Input,
              {"f.json:4:15: o.k:", "got -1"});
  expectError(document->root().get("width"), ExitCode::Input, {"f.json:1:1:", "'width'", "missing"});
  expectError(document->root().find("size")->asBool(), ExitCode::Input, {"got an array of 2"});
}

TEST(Json, NearestIsTheMemberOrWhatIsAroundIt) {
  auto document = get(JsonDocument::parse("{\"a\":\n {\"b\": 3}}", "f.json"));
  ASSERT_TRUE(document);
  JsonRef root = document->root();
  EXPECT_EQ(root.nearest("a.b").position(), "f.json:2:8");
  expectError(root.nearest("a.c.d").error("message"), ExitCode::Input, {"f.json:2:2: a.c.d: message"});
  expectError(root.nearest("x").error("message"), ExitCode::Input, {"f.json:1:1: x: message"});
  expectError(root.find("a")->nearest("y").error("message"), ExitCode::Input, {"f.json:2:2: a.y: message"});
}

TEST(Json, IntegersAreNotRounded) {
  auto document =
      get(parse(R"({"a": 3.0, "b": 18446744073709551615, "c": 100000000000000000000, "d": 1e18})"));
  ASSERT_TRUE(document);
  for (const char *key : {"a", "b", "c", "d"})
    expectError(document->root().find(key)->asInteger(0, INT64_MAX), ExitCode::Input,
                {"expected an integer"});
  expectError(document->root().find("a")->asInteger(1, 10), ExitCode::Input,
              {"expected an integer from 1 to 10, without fraction or exponent, got 3"});
  EXPECT_EQ(*get(document->root().find("b")->asNumber()), 18446744073709551615.0);
}

TEST(Json, RefusesOtherRoots) {
  expectRefused("[1]", {"f.json:1:1", "expected an object as the outermost value"});
  expectRefused("3", {"an object"});
  expectRefused("null", {"an object"});
  expectRefused("", {"valid JSON"});
  expectRefused("   ", {"valid JSON"});
}

TEST(Json, RefusesDuplicateKeys) {
  expectRefused("{\"a\": 1,\n \"a\": 2}", {"f.json:2:2", "a second 'a'"});
  expectRefused(R"({"o": {"x": 1, "x": 1}})", {"a second 'x'"});
  EXPECT_TRUE(get(parse(R"({"o": {"x": 1}, "x": 1})")));
}

TEST(Json, RefusesDepth) {
  std::string deep = "{\"a\":" + std::string(63, '[') + std::string(63, ']') + "}";
  EXPECT_TRUE(get(parse(deep)));
  expectRefused("{\"a\":" + std::string(64, '[') + std::string(64, ']') + "}", {"at most 64 nested"});
  expectRefused("{\"a\":" + std::string(1000000, '['), {"at most 64 nested"});
}

TEST(Json, BoundsSizeAndCount) {
  JsonLimits limits;
  limits.bytes = 10;
  expectError(JsonDocument::parse("{\"abc\":     1}", "f", limits), ExitCode::Input, {"at most 10 bytes"});
  limits = {};
  limits.values = 4;
  expectError(JsonDocument::parse("{\"a\":[1,2,3,4]}", "f", limits), ExitCode::Input, {"at most 4 values"});
}

TEST(Json, RefusesBrokenText) {
  expectRefused("{\"a\": 1", {"f.json:1:", "expected valid JSON"});
  expectRefused("{\"a\": 1}}", {"valid JSON"});
  expectRefused("{\"a\": NaN}", {"valid JSON"});
  expectRefused("{\"a\": 1e999}", {"number overflow"});
  expectRefused("{\"a\": \"\xff\"}", {"ill-formed UTF-8"});
  expectRefused("{a: 1}", {"valid JSON"});
  expectRefused("{\"a\": 01}", {"valid JSON"});
  expectRefused(llvm::StringRef("{\"a\": \"\0\"}", 10), {"valid JSON"});
}

TEST(Json, MessagesEscapeUntrustedText) {
  EXPECT_EQ(quoteForMessage("a\x1b[31m\n"), "a\\x1b[31m\\x0a");
  EXPECT_EQ(quoteForMessage(std::string(200, 'x')), std::string(80, 'x') + "...");
  expectRefused("{\"\\u001b[2J\": 1, \"\\u001b[2J\": 1}", {"\\x1b[2J"});
}
