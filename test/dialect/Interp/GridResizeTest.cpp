//===- GridResizeTest.cpp - position tables against PyTorch and SciPy (Inputs/make_grid_cases.py) ----===//
#include "dialect/Interp/GridResize.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace vit;

namespace {

std::vector<double> numbers(const llvm::json::Array &array) {
  std::vector<double> result;
  for (const llvm::json::Value &value : array)
    result.push_back(*value.getAsNumber());
  return result;
}

std::vector<int64_t> extents(const llvm::json::Array &array) {
  std::vector<int64_t> result;
  for (const llvm::json::Value &value : array)
    result.push_back(*value.getAsInteger());
  return result;
}

// Every kernel at every scale, growing and shrinking, onto a single row and from one.
TEST(GridResize, EqualsTheLibraries) {
  auto buffer = llvm::MemoryBuffer::getFile(VITC_TEST_DATA "/Inputs/grid-cases.json");
  ASSERT_TRUE(buffer);
  auto document = llvm::json::parse((*buffer)->getBuffer());
  ASSERT_TRUE(static_cast<bool>(document)) << llvm::toString(document.takeError());
  mlir::MLIRContext context;
  context.loadDialect<VitDialect>();
  size_t count = 0;
  for (const llvm::json::Value &entry : *document->getAsObject()->getArray("cases")) {
    const llvm::json::Object &object = *entry.getAsObject();
    std::vector<int64_t> from = extents(*object.getArray("from")), to = extents(*object.getArray("to"));
    SCOPED_TRACE(object.getString("kernel")->str() + " " + object.getString("scale")->str() + " case " +
                 std::to_string(count++));
    // A row in front of the grid and one behind it stay as they are.
    std::vector<double> table = numbers(*object.getArray("table")),
                        want = numbers(*object.getArray("resized"));
    for (std::vector<double> *values : {&table, &want}) {
      values->insert(values->begin(), {7, 8});
      values->insert(values->end(), {-7, -8});
    }
    auto step = ResizeGridStepAttr::get(
        &context, from, to, 1, *symbolizeGridKernel(*object.getString("kernel")),
        *symbolizeGridScale(*object.getString("scale")), *object.getBoolean("antialias"));
    int64_t rows = from[0] * from[1] + 2;
    SourcePtr resized = resizedGrid(*tensorInMemory({rows, 2}, table), step);
    EXPECT_EQ(resized->shape(), (llvm::ArrayRef<int64_t>{to[0] * to[1] + 2, 2}));
    std::vector<double> got = resized->readAll();
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], want[i], 1e-12) << i;
  }
  EXPECT_EQ(count, 50u);
}

} // namespace
