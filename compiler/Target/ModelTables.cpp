#include "compiler/Target/ModelTables.h"
#include "compiler/Target/AbiTypes.h"
#include "compiler/Target/Interface.h"
#include "runtime/include/vitc/abi.h"
#include "llvm/IR/Constants.h"

using namespace vitc;
using llvm::Constant;
using llvm::ConstantInt;
using llvm::ConstantStruct;

namespace {

/// Builds constants bottom-up; `private` globals leave no symbol behind.
struct TableBuilder {
  llvm::Module &module;
  const std::string &prefix;
  AbiTypes types{module.getContext()};
  llvm::StringMap<Constant *> strings;

  Constant *u32(uint64_t value) { return ConstantInt::get(types.i32, value); }
  Constant *u64(uint64_t value) { return ConstantInt::get(types.i64, value); }
  Constant *null() { return llvm::ConstantPointerNull::get(types.ptr); }

  llvm::GlobalVariable *global(Constant *value, const llvm::Twine &name) {
    auto *variable = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                              llvm::GlobalValue::PrivateLinkage, value, name);
    return variable;
  }

  Constant *string(llvm::StringRef text) {
    Constant *&entry = strings[text];
    if (!entry) {
      llvm::GlobalVariable *variable =
          global(llvm::ConstantDataArray::getString(module.getContext(), text), prefix + ".name");
      variable->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
      variable->setAlignment(llvm::Align(1));
      entry = variable;
    }
    return entry;
  }

  /// A global array of structures; null if it is empty.
  Constant *array(llvm::Type *type, llvm::ArrayRef<Constant *> rows, const llvm::Twine &name) {
    if (rows.empty())
      return null();
    return global(llvm::ConstantArray::get(llvm::ArrayType::get(type, rows.size()), rows), name);
  }

  /// The function `name` of a level's code.
  Constant *entry(llvm::StringRef name) {
    auto *type =
        llvm::FunctionType::get(llvm::Type::getVoidTy(module.getContext()), {types.ptr, types.i64}, false);
    auto *function = llvm::cast<llvm::Function>(module.getOrInsertFunction(name, type).getCallee());
    function->setVisibility(llvm::GlobalValue::HiddenVisibility);
    return function;
  }

  Constant *step(const StepTable &table) {
    llvm::SmallVector<Constant *> operands;
    for (const StepTable::Operand &operand : table.operands)
      operands.push_back(
          ConstantStruct::get(types.operand, {u32(operand.space), u32(operand.index), u64(operand.offset)}));
    return ConstantStruct::get(types.step,
                               {entry(table.entry), array(types.operand, operands, prefix + ".operands"),
                                u32(operands.size()), u32(table.chunks), string(table.name), u64(table.flops),
                                u32(table.flags), u32(table.parts), string(table.kind), u32(table.dot),
                                u64(table.activationBytes), u64(table.weightBytes),
                                table.fineEntry.empty() ? null() : entry(table.fineEntry),
                                u32(table.fineChunks), u32(table.fineParts)});
  }

  Constant *schedule(const ScheduleTable *table) {
    if (!table)
      return ConstantStruct::get(types.schedule, {null(), u32(0), u64(0)});
    llvm::SmallVector<Constant *> steps;
    for (const StepTable &row : table->steps)
      steps.push_back(step(row));
    return ConstantStruct::get(types.schedule, {array(types.step, steps, prefix + ".steps"),
                                                u32(steps.size()), u64(table->inputBytes)});
  }

  Constant *level(const LevelCode &code, bool pictures) {
    const ScheduleTable *runU8 = pictures && code.runU8 ? &*code.runU8 : nullptr;
    return ConstantStruct::get(types.level,
                               {string(code.isa->name), u32(code.isa->needs), u64(code.arenaBytes()),
                                u64(code.scratchBytes()), schedule(&code.run), schedule(runU8)});
  }

  Constant *preprocess(const std::optional<vitc_preprocess> &table) {
    if (!table)
      return null();
    return global(ConstantStruct::get(types.preprocess,
                                      {u32(table->resize), u32(table->filter), u32(table->resize_height),
                                       u32(table->resize_width), u32(table->crop), u32(table->crop_round),
                                       u32(table->rules), u32(table->size_round), u32(table->f32)}),
                  prefix + ".preprocess");
  }

  Constant *weights() {
    auto *variable =
        new llvm::GlobalVariable(module, types.i8, /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage,
                                 nullptr, prefix + ".weights");
    variable->setVisibility(llvm::GlobalValue::HiddenVisibility);
    variable->setAlignment(llvm::Align(VITC_WEIGHTS_ALIGN));
    return variable;
  }

  Constant *model(const SizeCode &code, const SizeInfo &size, const LibraryInfo &info, Constant *blob) {
    llvm::SmallVector<Constant *> levelRows, outputBytes, id;
    for (const LevelCode &row : code.levels)
      levelRows.push_back(level(row, code.preprocess.has_value()));
    for (const Port &output : size.outputs)
      outputBytes.push_back(u64(4 * elementsOf(output)));
    for (uint8_t byte : info.weightId)
      id.push_back(ConstantInt::get(types.i8, byte));
    InputExtents input = inputExtents(size);
    Constant *fields[] = {
        string(info.name),
        array(types.level, levelRows, prefix + ".levels"),
        u32(levelRows.size()),
        u32(info.batch),
        u32(input.channels),
        u32(input.height),
        u32(input.width),
        u32(outputBytes.size()),
        array(types.i64, outputBytes, prefix + ".output_bytes"),
        u64(info.weightBytes),
        llvm::ConstantArray::get(types.id, id),
        blob,
        info.embedded ? null() : string(prefix + ".vitw"),
        preprocess(code.preprocess),
        u32(code.preprocess ? info.maxSide : 0),
    };
    return ConstantStruct::get(types.modelInfo, fields);
  }
};

} // namespace

llvm::GlobalVariable *vitc::buildModelTables(llvm::Module &module, llvm::ArrayRef<SizeCode> sizes,
                                             const LibraryInfo &info) {
  TableBuilder b{module, info.name, AbiTypes(module.getContext()), {}};
  Constant *blob = info.embedded ? b.weights() : b.null();
  llvm::SmallVector<Constant *> models;
  for (auto [code, size] : llvm::zip_equal(sizes, info.sizes))
    models.push_back(b.model(code, size, info, blob));
  Constant *fields[] = {b.u32(VITC_ABI_VERSION), b.u32(models.size()),
                        b.array(b.types.modelInfo, models, info.name + ".models")};
  llvm::GlobalVariable *variable =
      b.global(ConstantStruct::get(b.types.libraryInfo, fields), info.name + ".info");
  variable->setLinkage(llvm::GlobalValue::InternalLinkage);
  return variable;
}
