#include "compiler/Target/PublicApi.h"
#include "compiler/Target/Interface.h"
#include "llvm/IR/IRBuilder.h"

using namespace vitc;
using llvm::Type;
using llvm::Value;

namespace {

struct ApiBuilder {
  llvm::Module &module;
  const std::string &prefix;
  std::vector<std::string> names;
  llvm::LLVMContext &context{module.getContext()};
  Type *ptr{llvm::PointerType::getUnqual(context)};
  Type *none{Type::getVoidTy(context)};
  Type *i32{Type::getInt32Ty(context)};
  Type *i64{Type::getInt64Ty(context)};

  /// Starts PREFIX_name.
  llvm::Function *function(llvm::StringRef name, Type *result, llvm::ArrayRef<Type *> parameters) {
    auto *fn = llvm::Function::Create(llvm::FunctionType::get(result, parameters, false),
                                      llvm::GlobalValue::ExternalLinkage, prefix + "_" + name, module);
    fn->addFnAttr(llvm::Attribute::NoUnwind);
    names.push_back(fn->getName().str());
    return fn;
  }

  /// Ends `fn` with a call of a runtime function of the same result.
  void forward(llvm::Function *fn, llvm::IRBuilder<> &builder, llvm::StringRef callee,
               llvm::ArrayRef<Value *> arguments) {
    llvm::SmallVector<Type *> types;
    for (Value *argument : arguments)
      types.push_back(argument->getType());
    auto target =
        module.getOrInsertFunction(callee, llvm::FunctionType::get(fn->getReturnType(), types, false));
    Value *result = builder.CreateCall(target, arguments);
    if (fn->getReturnType()->isVoidTy())
      builder.CreateRetVoid();
    else
      builder.CreateRet(result);
  }

  llvm::IRBuilder<> body(llvm::Function *fn) {
    return llvm::IRBuilder<>(llvm::BasicBlock::Create(context, "", fn));
  }

  /// A function that passes `bound` and then its own arguments on.
  void wrapper(llvm::StringRef name, llvm::StringRef callee, Type *result, llvm::ArrayRef<Type *> parameters,
               Value *bound = nullptr) {
    llvm::Function *fn = function(name, result, parameters);
    llvm::SmallVector<Value *> arguments;
    if (bound)
      arguments.push_back(bound);
    for (llvm::Argument &argument : fn->args())
      arguments.push_back(&argument);
    auto builder = body(fn);
    forward(fn, builder, callee, arguments);
  }

  /// run and run_u8: the output pointers at the end become an array.
  void runner(llvm::StringRef name, llvm::StringRef callee, llvm::ArrayRef<Type *> inputs, size_t outputs) {
    llvm::SmallVector<Type *> parameters(inputs);
    parameters.append(outputs, ptr);
    llvm::Function *fn = function(name, i32, parameters);
    auto builder = body(fn);
    Value *array = builder.CreateAlloca(llvm::ArrayType::get(ptr, outputs));
    llvm::SmallVector<Value *> arguments;
    for (size_t i = 0; i < inputs.size(); ++i)
      arguments.push_back(fn->getArg(i));
    for (size_t i = 0; i < outputs; ++i)
      builder.CreateStore(fn->getArg(inputs.size() + i), builder.CreateConstInBoundsGEP1_64(ptr, array, i));
    arguments.push_back(array);
    forward(fn, builder, callee, arguments);
  }

  void data(llvm::StringRef name, llvm::Constant *value) {
    new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                             llvm::GlobalValue::ExternalLinkage, value, prefix + "_" + name);
    names.push_back(prefix + "_" + name.str());
  }

  /// Rows of the structure that the header declares: height, width, tokens, arena_bytes,
  /// arena_bytes_per_thread, output_elements.
  void sizes(const LibraryInfo &info) {
    auto *rowType = llvm::StructType::get(context, {i32, i32, i32, i64, i64, ptr});
    llvm::SmallVector<llvm::Constant *> rows;
    for (const SizeInfo &size : info.sizes) {
      InputExtents input = inputExtents(size);
      llvm::SmallVector<uint64_t> elements;
      for (const Port &output : size.outputs)
        elements.push_back(static_cast<uint64_t>(elementsOf(output)));
      llvm::Constant *list = llvm::ConstantDataArray::get(context, elements);
      auto number = [&](Type *type, uint64_t value) { return llvm::ConstantInt::get(type, value); };
      rows.push_back(llvm::ConstantStruct::get(
          rowType,
          {number(i32, input.height), number(i32, input.width), number(i32, size.tokens),
           number(i64, size.run.base), number(i64, size.run.perThread),
           new llvm::GlobalVariable(module, list->getType(), /*isConstant=*/true,
                                    llvm::GlobalValue::PrivateLinkage, list, prefix + ".output_elements")}));
    }
    data("sizes", llvm::ConstantArray::get(llvm::ArrayType::get(rowType, rows.size()), rows));
  }
};

} // namespace

std::vector<std::string> vitc::buildPublicApi(llvm::Module &module, llvm::GlobalVariable *tables,
                                              const LibraryInfo &info, llvm::ArrayRef<std::string> labels,
                                              bool pictures, llvm::StringRef metadata) {
  ApiBuilder b{module, info.name, {}};
  b.wrapper("create", "vitc_rt_create", b.i32, {b.ptr, b.ptr}, tables);
  size_t outputs = info.sizes.front().outputs.size();
  b.runner("run", "vitc_rt_run", {b.ptr, b.ptr, b.i64}, outputs);
  if (pictures)
    b.runner("run_u8", "vitc_rt_run_u8", {b.ptr, b.ptr, b.i32, b.i32, b.i32, b.i64, b.i64}, outputs);
  b.wrapper("destroy", "vitc_rt_destroy", b.none, {b.ptr});
  b.wrapper("last_message", "vitc_rt_last_message", b.ptr, {});
  b.wrapper("status_name", "vitc_rt_status_name", b.ptr, {b.i32});
  b.wrapper("level", "vitc_rt_level", b.ptr, {b.ptr});
  b.wrapper("threads", "vitc_rt_threads", b.i32, {b.ptr});
  b.wrapper("arena_bytes", "vitc_rt_arena_bytes", b.i64, {b.i32}, tables);

  llvm::Function *tablesFn = b.function("vitc_info", b.ptr, {});
  b.body(tablesFn).CreateRet(tables);

  if (!labels.empty()) {
    llvm::SmallVector<llvm::Constant *> rows;
    for (const std::string &label : labels) {
      llvm::Constant *text = llvm::ConstantDataArray::getString(b.context, label);
      auto *variable =
          new llvm::GlobalVariable(module, text->getType(), /*isConstant=*/true,
                                   llvm::GlobalValue::PrivateLinkage, text, info.name + ".label");
      variable->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
      variable->setAlignment(llvm::Align(1));
      rows.push_back(variable);
    }
    b.data("labels", llvm::ConstantArray::get(
                         llvm::ArrayType::get(llvm::PointerType::getUnqual(b.context), rows.size()), rows));
  }
  if (info.sizes.size() > 1)
    b.sizes(info);
  b.data("metadata", llvm::ConstantDataArray::getString(b.context, metadata));
  return b.names;
}
