// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: the runtime has to learn where the tables of each executable and shared object are, at start, at dlopen and at dlclose, and
// nothing may be added to the command line or to .text.
//
// Mechanism: every object file carries a descriptor (abi::module_descriptor) that points to the bounds of both table sections, which the
// linker defines (__start_NAME, __stop_NAME), a constructor that hands it to the runtime and a destructor that takes it back. All are
// hidden and in one COMDAT group with their entries in .init_array and .fini_array: one copy is left in each linked module.
//
// Invariants:
//  - The runtime's functions are weak: code links, and runs, without it. So are the bounds: --gc-sections may drop every table.
//  - The constructor runs once for each module even where a linker keeps several entries for it (lld does not fold the COMDAT groups of
//    objects that its own link-time optimisation made): a flag beside the descriptor says so.
//  - It runs before constructors without a priority, and the destructor behind their destructors.
//
// Rejected: a note section found by dl_iterate_phdr (the runtime would have to watch dlopen), one constructor per object file (start-up
// time), absolute symbols from a linker script (a flag more).
#include "passes/Markers.h"
#include "passes/ir/Passes.h"
#include "passes/ir/ReferenceTypes.h"

#include "stillpoint/abi/map_format.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Pass.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace llvm;

namespace {

// The first that is not reserved for the implementation.
constexpr int Priority = 101;

// Builds the pieces for one module.
class Registration {
public:
  explicit Registration(Module &M)
      : M(M), Ptr(PointerType::getUnqual(M.getContext())), I32(Type::getInt32Ty(M.getContext())), I64(Type::getInt64Ty(M.getContext())),
        Group(M.getOrInsertComdat(STILLPOINT_DESCRIPTOR_SYMBOL)) {}

  void add() {
    GlobalVariable *Descriptor = makeDescriptor();
    GlobalVariable *Flag = makeFlag();
    Function *Init = makeFunction(STILLPOINT_CONSTRUCTOR_SYMBOL, STILLPOINT_REGISTER_FUNCTION, Descriptor, Flag, true);
    Function *Fini = makeFunction(STILLPOINT_DESTRUCTOR_SYMBOL, STILLPOINT_UNREGISTER_FUNCTION, Descriptor, Flag, false);
    appendToGlobalCtors(M, Init, Priority, Descriptor);
    appendToGlobalDtors(M, Fini, Priority, Descriptor);
  }

private:
  Constant *bound(const Twine &Name) {
    return M.getOrInsertGlobal(Name.str(), Type::getInt8Ty(M.getContext()), [&] {
      auto *G =
          new GlobalVariable(M, Type::getInt8Ty(M.getContext()), /*isConstant=*/true, GlobalValue::ExternalWeakLinkage, nullptr, Name);
      G->setVisibility(GlobalValue::HiddenVisibility);
      return G;
    });
  }

  GlobalVariable *makeVariable(StringRef Name, Constant *Value, bool IsConstant) {
    auto *G = new GlobalVariable(M, Value->getType(), IsConstant, GlobalValue::LinkOnceODRLinkage, Value, Name);
    G->setVisibility(GlobalValue::HiddenVisibility);
    G->setComdat(Group);
    GlobalValue::SanitizerMetadata Plain;
    Plain.NoAddress = Plain.NoHWAddress = true;
    G->setSanitizerMetadata(Plain);
    return G;
  }

  GlobalVariable *makeDescriptor() {
    namespace abi = stillpoint::abi;
    Constant *Fields[] = {ConstantInt::get(I64, abi::descriptor_magic),
                          ConstantInt::get(I32, abi::version),
                          ConstantInt::get(I32, sizeof(abi::module_descriptor)),
                          bound("__start_" STILLPOINT_RECORDS_SECTION),
                          bound("__stop_" STILLPOINT_RECORDS_SECTION),
                          bound("__start_" STILLPOINT_MAPS_SECTION),
                          bound("__stop_" STILLPOINT_MAPS_SECTION),
                          bound("__start_" STILLPOINT_GLOBALS_SECTION),
                          bound("__stop_" STILLPOINT_GLOBALS_SECTION),
                          bound("__start_" STILLPOINT_MARKING_SECTION),
                          bound("__stop_" STILLPOINT_MARKING_SECTION),
                          bound("__start_" STILLPOINT_COPIES_SECTION),
                          bound("__stop_" STILLPOINT_COPIES_SECTION)};
    return makeVariable(STILLPOINT_DESCRIPTOR_SYMBOL, ConstantStruct::getAnon(Fields), /*IsConstant=*/true);
  }

  GlobalVariable *makeFlag() {
    return makeVariable(STILLPOINT_REGISTERED_SYMBOL, ConstantInt::getFalse(M.getContext()), /*IsConstant=*/false);
  }

  Function *makeFunction(StringRef Name, StringRef RuntimeName, Constant *Descriptor, GlobalVariable *Flag, bool Registers) {
    auto *Void = Type::getVoidTy(M.getContext());
    // With the module's defaults, so that unwinding through it and -fcf-protection are as everywhere else.
    auto *F = Function::createWithDefaultAttr(FunctionType::get(Void, false), GlobalValue::LinkOnceODRLinkage,
                                              M.getDataLayout().getProgramAddressSpace(), Name, &M);
    F->setVisibility(GlobalValue::HiddenVisibility);
    F->setComdat(Group);
    F->setSection(STILLPOINT_CONSTRUCTOR_SECTION);
    F->setDoesNotThrow();
    F->addFnAttr(Attribute::NoInline);
    F->addFnAttr(stillpoint::IgnoreAttribute);

    Function *Callee = runtimeFunction(RuntimeName);
    IRBuilder<> B(BasicBlock::Create(M.getContext(), "", F));
    auto *Flip = BasicBlock::Create(M.getContext(), "", F);
    auto *Call = BasicBlock::Create(M.getContext(), "", F);
    auto *Done = BasicBlock::Create(M.getContext(), "", F);
    Value *Registered = B.CreateLoad(B.getInt1Ty(), Flag);
    B.CreateCondBr(Registered, Registers ? Done : Flip, Registers ? Flip : Done);
    B.SetInsertPoint(Flip);
    B.CreateStore(B.getInt1(Registers), Flag);
    B.CreateCondBr(B.CreateIsNotNull(Callee), Call, Done);
    B.SetInsertPoint(Call);
    B.CreateCall(Callee, {Descriptor})->addFnAttr(Attribute::NonLazyBind);
    B.CreateBr(Done);
    B.SetInsertPoint(Done);
    B.CreateRetVoid();
    return F;
  }

  // NonLazyBind also on the declaration: the address that is tested and the one that is called come from the same GOT entry.
  Function *runtimeFunction(StringRef Name) {
    auto *F = dyn_cast<Function>(M.getOrInsertFunction(Name, FunctionType::get(Type::getVoidTy(M.getContext()), {Ptr}, false)).getCallee());
    if (F->isDeclaration()) {
      F->setLinkage(GlobalValue::ExternalWeakLinkage);
      F->addFnAttr(Attribute::NonLazyBind);
    }
    return F;
  }

  Module &M;
  PointerType *Ptr;
  Type *I32, *I64;
  Comdat *Group;
};

// A module that has the symbol in whatever form got it from this pass before link-time optimisation, which decided who keeps it.
bool wantsRegistration(const Module &M) {
  if (M.getNamedValue(STILLPOINT_DESCRIPTOR_SYMBOL))
    return false;
  return any_of(M, [](const Function &F) { return !F.isDeclarationForLinker() && !F.hasFnAttribute(stillpoint::IgnoreAttribute); }) ||
         any_of(M.globals(),
                [](const GlobalVariable &G) { return !G.isDeclarationForLinker() && stillpoint::holdsReferences(G.getValueType()); });
}

class RegisterModule : public ModulePass {
public:
  static char ID;
  RegisterModule() : ModulePass(ID) {}
  StringRef getPassName() const override { return "Stillpoint: registration of the module's tables"; }
  bool runOnModule(Module &M) override {
    if (!wantsRegistration(M))
      return false;
    Registration(M).add();
    return true;
  }
};
char RegisterModule::ID = 0;

} // namespace

PreservedAnalyses stillpoint::RegisterModulePass::run(Module &M, ModuleAnalysisManager &) {
  if (!wantsRegistration(M))
    return PreservedAnalyses::all();
  Registration(M).add();
  return PreservedAnalyses::none();
}

ModulePass *stillpoint::createRegisterModuleLegacyPass() { return new RegisterModule; }
