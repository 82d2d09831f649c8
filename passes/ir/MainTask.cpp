// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: an existing program shall run as a task, and its source is not to be touched.
//
// Mechanism, at the beginning of the pipeline, in the module that defines main:
//  1. The program's main gets another name (STILLPOINT_MAIN_SYMBOL); all that is said of it (debug information, callers) goes with it.
//  2. An entry is made that takes what main was called with from memory, calls the program's main, and puts its result there. It is
//     managed code: the task's first frame, which every walk has to get past.
//  3. A new main puts its arguments on the stack and lets the runtime run the entry as a task.
//
// Invariants: the program's main is called with what its definition takes (no argument up to three); it is not inlined, so that a
// stack trace, a breakpoint and a comparison of its code find the function that the program has. A second run of the pass changes nothing.
//
// Rejected: a macro that renames main (members and namespaces may have that name, and debuggers do not find it); the linker's --wrap (a flag
// more, and link-time optimisation sees the wrong main); code in front of main from a constructor (constructors of the program still have to run).
#include "passes/ir/Passes.h"

#include "stillpoint/abi/main_task.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace {

class MainTask {
public:
  explicit MainTask(Function &Main)
      : M(*Main.getParent()), Program(Main), Void(Type::getVoidTy(M.getContext())), I32(Type::getInt32Ty(M.getContext())),
        Ptr(PointerType::getUnqual(M.getContext())), Call(StructType::get(I32, I32, Ptr, Ptr)) {}

  void make() {
    Program.setName(STILLPOINT_MAIN_SYMBOL);
    Program.setVisibility(GlobalValue::HiddenVisibility);
    Program.setDSOLocal(true);
    makeMain(makeEntry());
  }

private:
  Function *create(FunctionType *Type, GlobalValue::LinkageTypes Linkage, const char *Name) {
    auto *F = Function::createWithDefaultAttr(Type, Linkage, M.getDataLayout().getProgramAddressSpace(), Name, &M);
    BasicBlock::Create(M.getContext(), "", F);
    return F;
  }

  Function *makeEntry() {
    Function *Entry = create(FunctionType::get(Void, {Ptr}, false), GlobalValue::InternalLinkage, STILLPOINT_MAIN_ENTRY_SYMBOL);
    IRBuilder<> B(&Entry->getEntryBlock());
    Value *Block = Entry->getArg(0);
    constexpr unsigned Fields[] = {0, 2, 3};
    SmallVector<Value *> Arguments;
    for (unsigned I = 0; I != Program.arg_size(); ++I) {
      Type *Want = Program.getArg(I)->getType();
      bool Given = I < std::size(Fields) && Want == Call->getElementType(Fields[I]);
      if (Given)
        Arguments.push_back(B.CreateLoad(Want, B.CreateStructGEP(Call, Block, Fields[I])));
      else
        Arguments.push_back(Constant::getNullValue(Want));
    }
    CallInst *Result = B.CreateCall(&Program, Arguments);
    Result->setCallingConv(Program.getCallingConv());
    Result->addFnAttr(Attribute::NoInline);
    if (Result->getType() == I32)
      B.CreateStore(Result, B.CreateStructGEP(Call, Block, 1));
    B.CreateRetVoid();
    return Entry;
  }

  void makeMain(Function *Entry) {
    Function *Main = create(FunctionType::get(I32, {I32, Ptr, Ptr}, false), GlobalValue::ExternalLinkage, "main");
    FunctionCallee Run = M.getOrInsertFunction(STILLPOINT_MAIN_TASK_FUNCTION, FunctionType::get(Void, {Ptr, Ptr}, false));
    IRBuilder<> B(&Main->getEntryBlock());
    Value *Block = B.CreateAlloca(Call);
    B.CreateStore(Main->getArg(0), B.CreateStructGEP(Call, Block, 0));
    B.CreateStore(B.getInt32(0), B.CreateStructGEP(Call, Block, 1));
    B.CreateStore(Main->getArg(1), B.CreateStructGEP(Call, Block, 2));
    B.CreateStore(Main->getArg(2), B.CreateStructGEP(Call, Block, 3));
    B.CreateCall(Run, {Entry, Block});
    B.CreateRet(B.CreateLoad(I32, B.CreateStructGEP(Call, Block, 1)));
  }

  Module &M;
  Function &Program;
  Type *Void, *I32;
  PointerType *Ptr;
  StructType *Call; // abi::main_call
};

} // namespace

PreservedAnalyses stillpoint::MainTaskPass::run(Module &M, ModuleAnalysisManager &) {
  Function *Main = M.getFunction("main");
  if (!Main || Main->isDeclaration() || !Main->hasExternalLinkage() || M.getFunction(STILLPOINT_MAIN_SYMBOL))
    return PreservedAnalyses::all();
  MainTask(*Main).make();
  return PreservedAnalyses::none();
}
