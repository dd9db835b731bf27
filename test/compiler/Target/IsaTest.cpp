// The table of levels, and what is chosen from it: by --target, and by the runtime on made-up machines.
#include "compiler/Target/Isa.h"
#include "dialect/IR/VitOps.h"
#include "mlir/IR/MLIRContext.h"
#include "test/runtime/MadeUpCpus.h"
#include <gtest/gtest.h>

using namespace vitc;
using namespace vitc::test;

namespace {

std::vector<std::string> names(const std::vector<std::string> &targets, Precision precision) {
  auto levels = parseTargets(targets, precision);
  EXPECT_TRUE(static_cast<bool>(levels)) << llvm::toString(levels.takeError());
  std::vector<std::string> result;
  for (const Isa *isa : *levels)
    result.push_back(isa->name.str());
  return result;
}

// Every row is what IsaAttr's verifier takes: its tiles divide a panel, its lanes are a power of two.
TEST(IsaTest, RowsAreDescriptors) {
  mlir::MLIRContext context;
  context.loadDialect<vit::VitDialect>();
  auto location = mlir::UnknownLoc::get(&context);
  for (const Isa &isa : allIsas())
    EXPECT_TRUE(mlir::succeeded(vit::IsaAttr::verify([&] { return mlir::emitError(location); }, isa.name,
                                                     isa.lanes, isa.tile, kPanel, isa.fma, isa.bf16,
                                                     isa.bf16Tile, isa.int8, isa.int8Tile)))
        << isa.name.str();
}

TEST(IsaTest, PortableHoldsWhatThePrecisionGainsFrom) {
  EXPECT_EQ(names({"portable"}, Precision::F32),
            (std::vector<std::string>{"x86-64-v4", "x86-64-v3", "x86-64"}));
  EXPECT_EQ(names({"portable"}, Precision::Bf16),
            (std::vector<std::string>{"sapphirerapids", "znver4", "x86-64-v4", "x86-64-v3", "x86-64"}));
  EXPECT_EQ(names({"portable"}, Precision::Int8),
            (std::vector<std::string>{"sapphirerapids", "znver4", "cascadelake", "x86-64-v4", "alderlake",
                                      "x86-64-v3", "x86-64"}));
}

// A level that is asked for by name is compiled, whether the precision gains from it or not.
TEST(IsaTest, NamedLevels) {
  EXPECT_EQ(names({"x86-64-v3", "alderlake", "x86-64-v3"}, Precision::F32),
            (std::vector<std::string>{"alderlake", "x86-64-v3"}));
  auto mixed = parseTargets({"x86-64", "aarch64"});
  EXPECT_FALSE(static_cast<bool>(mixed));
  llvm::consumeError(mixed.takeError());
  auto unknown = parseTargets({"alder-lake"});
  ASSERT_FALSE(static_cast<bool>(unknown));
  EXPECT_NE(llvm::toString(unknown.takeError()).find("did you mean 'alderlake'?"), std::string::npos);
}

// bf16 is of use without an instruction for it; int8 is not.
TEST(IsaTest, PrecisionsThatALevelLacks) {
  EXPECT_EQ(names({"aarch64"}, Precision::Bf16), std::vector<std::string>{"aarch64"});
  auto lacks = parseTargets({"aarch64"}, Precision::Int8);
  ASSERT_FALSE(static_cast<bool>(lacks));
  EXPECT_EQ(llvm::toString(lacks.takeError()),
            "target 'aarch64' cannot compute in int8: expected a level with products of bytes "
            "(sapphirerapids, znver4, cascadelake, x86-64-v4, alderlake, x86-64-v3, x86-64); nearest here is "
            "--precision "
            "bf16: weights of half the size, multiplied in f32");
}

// The best level of this machine is one that runs, and none before it in the table gains and runs.
TEST(IsaTest, Host) {
  for (Precision precision : kPrecisions) {
    auto host = parseTargets({"host"}, precision);
    ASSERT_TRUE(static_cast<bool>(host));
    ASSERT_EQ(host->size(), 1u);
    EXPECT_TRUE(runsHere(*host->front()));
    for (const Isa &isa : allIsas()) {
      if (&isa == host->front())
        break;
      EXPECT_FALSE(runsHere(isa) && gainsFrom(precision, isa)) << isa.name.str();
    }
  }
}

int grant() { return 1; }
int refuse() { return 0; }

/// The level that the runtime takes from a portable library.
std::string chosen(Precision precision, const MadeUpCpu &cpu, int (*amx)(void)) {
  std::vector<vitc_level> levels;
  auto targets = parseTargets({"portable"}, precision);
  EXPECT_TRUE(static_cast<bool>(targets));
  for (const Isa *isa : *targets) {
    vitc_level &level = levels.emplace_back();
    level = {};
    level.name = isa->name.data();
    level.needs = isa->needs;
  }
  const vitc_level *best = vitc_cpu_best_level(levels.data(), static_cast<uint32_t>(levels.size()),
                                               vitc_cpu_features_from(&cpu.leaves), amx);
  return best ? best->name : "none";
}

TEST(IsaTest, WhatMadeUpMachinesRun) {
  for (const MadeUpCpu &cpu : cpu::kCpus) {
    EXPECT_EQ(chosen(Precision::F32, cpu, grant), cpu.f32) << cpu.name;
    EXPECT_EQ(chosen(Precision::Bf16, cpu, grant), cpu.bf16) << cpu.name;
    EXPECT_EQ(chosen(Precision::Int8, cpu, grant), cpu.int8) << cpu.name;
  }
}

// Without the kernel's grant a machine with a matrix unit is one without.
TEST(IsaTest, WhatTheyRunWithoutTiles) {
  for (const MadeUpCpu &cpu : cpu::kCpus)
    for (auto [precision, granted] :
         {std::pair(Precision::F32, cpu.f32), {Precision::Bf16, cpu.bf16}, {Precision::Int8, cpu.int8}})
      EXPECT_EQ(chosen(precision, cpu, refuse),
                std::string(granted) == "sapphirerapids" ? "znver4" : std::string(granted))
          << cpu.name;
}

} // namespace
