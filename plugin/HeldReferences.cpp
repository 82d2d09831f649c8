// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "plugin/HeldReferences.h"

#include "plugin/LayoutWalk.h"
#include "plugin/ReferenceWarnings.h"

#include "passes/Markers.h"

#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclTemplate.h"

#include "llvm/ADT/STLExtras.h"

using namespace clang;
using stillpoint::HeldReferences;

namespace {

bool isGlobalRoot(const RecordDecl *Record) {
  return isa<ClassTemplateSpecializationDecl>(Record) && Record->getIdentifier() && Record->getName() == "global" &&
         stillpoint::ReferenceReporter::isOurs(Record);
}

bool hasReferenceMember(const RecordDecl *Record) {
  return llvm::any_of(Record->fields(), [](const FieldDecl *F) { return HeldReferences::isReference(F->getType()); });
}

// T of std::allocator<T> and std::pmr::polymorphic_allocator<T>, else null.
QualType allocatedBy(QualType Allocator) {
  const auto *Class = dyn_cast_or_null<ClassTemplateSpecializationDecl>(Allocator->getAsCXXRecordDecl());
  if (!Class || !Class->getIdentifier() || stillpoint::outermostNamespace(Class) != "std")
    return {};
  if (Class->getName() != "allocator" && Class->getName() != "polymorphic_allocator")
    return {};
  const TemplateArgument &Argument = Class->getTemplateArgs()[0];
  return Argument.getKind() == TemplateArgument::Type ? Argument.getAsType() : QualType();
}

} // namespace

bool HeldReferences::isReference(QualType Type) {
  if (!Type->isPointerType() && !Type->isReferenceType())
    return false;
  LangAS Space = Type->getPointeeType().getAddressSpace();
  return isTargetAddressSpace(Space) && toTargetAddressSpace(Space) == ReferenceAddressSpace;
}

bool HeldReferences::any() const {
  // Declarations of this library's entry points alone, which task.hpp has too, mention void in address space 1 and no other.
  bool Entries = false;
  for (const Type *T : C.getTypes())
    if ((isa<PointerType>(T) || isa<ReferenceType>(T)) && !T->isDependentType() && isReference(QualType(T, 0))) {
      if (!T->getPointeeType()->isVoidType())
        return true;
      Entries = true;
    }
  for (size_t I = 0; Entries && I != C.getTypes().size(); ++I) // members may come from a precompiled header, with new types
    if (const auto *Record = dyn_cast<RecordType>(C.getTypes()[I])) {
      const RecordDecl *Definition = Record->getDecl()->getDefinition();
      if (Definition && !Definition->isDependentType() && hasReferenceMember(Definition))
        return true;
    }
  return false;
}

bool HeldReferences::isReferenceClass(QualType Type) {
  const RecordDecl *Record = Type->getAsRecordDecl();
  Record = Record ? Record->getDefinition() : nullptr;
  return Record && ReferenceReporter::isOurs(Record) && hasReferenceMember(Record);
}

bool HeldReferences::in(QualType Type) {
  if (Type.isNull() || Type->isDependentType())
    return false;
  Type = C.getBaseElementType(Type.getCanonicalType());
  if (isReference(Type))
    return true;
  if (const auto *Atomic = Type->getAs<AtomicType>())
    return in(Atomic->getValueType());
  const RecordDecl *Record = Type->getAsRecordDecl();
  Record = Record ? Record->getDefinition() : nullptr;
  return Record && !Record->isInvalidDecl() && record(Record);
}

bool HeldReferences::behind(QualType Type) {
  if (Type.isNull() || isReference(Type))
    return false;
  if (Type->isPointerType() || Type->isReferenceType())
    return in(Type->getPointeeType());
  return Type->isArrayType() && in(Type);
}

bool HeldReferences::record(const RecordDecl *Record) {
  auto [Found, IsNew] = Known.try_emplace(Record, false);
  if (!IsNew || isGlobalRoot(Record))
    return Found->second;
  bool Holds = false;
  if (const auto *Class = dyn_cast<CXXRecordDecl>(Record))
    Holds = llvm::any_of(Class->bases(), [&](const CXXBaseSpecifier &Base) { return in(Base.getType()); });
  Holds = Holds || llvm::any_of(Record->fields(), [&](const FieldDecl *Field) { return in(Field->getType()); });
  if (QualType Held = heldInBytes(Record); !Held.isNull())
    Holds = Holds || in(Held);
  return Known[Record] = Holds;
}

QualType HeldReferences::keptOutside(const RecordDecl *Record) {
  const auto *Class = dyn_cast<ClassTemplateSpecializationDecl>(Record);
  if (!Class || !Class->getIdentifier() || Class->getName().contains("alloc")) // std::allocator_traits and its like keep nothing
    return {};
  for (const TemplateArgument &Argument : Class->getTemplateArgs().asArray())
    if (Argument.getKind() == TemplateArgument::Type)
      if (QualType Kept = allocatedBy(Argument.getAsType()); !Kept.isNull() && in(Kept))
        return Kept;
  return {};
}
