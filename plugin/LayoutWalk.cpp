// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Goal: every word of an object that holds a reference, found from the AST's record layouts. A reference is recognised by its type alone, a
// pointer or C++ reference in address space 1, not by the class that holds it.
//
// The walk collects extents, [begin, end) with or without a reference in it, through bases (virtual ones from the most derived class),
// members, arrays, and anonymous records. Empty classes have no extent.
//
// Unions: each alternative is walked by itself. A word is a reference if it is one in some alternative and no other alternative has data in
// it: std::optional<ref> (reference or empty byte) and std::variant<ref<A>, ref<B>> are fine; the collector tolerates a stale word there. A
// union of a reference and other data in the same word is an error: nobody but the program knows which it is.
//
// The node types of containers keep their value in bytes (libstdc++'s __aligned_membuf<T>): these are walked as a T.
#include "plugin/LayoutWalk.h"

#include "passes/Markers.h"

#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/RecordLayout.h"
#include "clang/Basic/Diagnostic.h"
#include "clang/Basic/SourceManager.h"

#include "llvm/ADT/STLExtras.h"

using namespace clang;

namespace {

constexpr uint64_t WordSize = 8;
constexpr uint64_t MostReferences = uint64_t(1) << 20;

struct Extent {
  uint64_t Begin, End;
  bool IsReference;
  const FieldDecl *Field; // the outermost member of the walked object that it belongs to, may be null
};
using Extents = llvm::SmallVector<Extent, 16>;

bool isReference(QualType Type) {
  if (!Type->isPointerType() && !Type->isReferenceType())
    return false;
  LangAS Space = Type->getPointeeType().getAddressSpace();
  return isTargetAddressSpace(Space) && toTargetAddressSpace(Space) == stillpoint::ReferenceAddressSpace;
}

bool anyReference(llvm::ArrayRef<Extent> Found) {
  return llvm::any_of(Found, [](const Extent &E) { return E.IsReference; });
}

class Walk {
public:
  Walk(ASTContext &C, QualType Root, SourceLocation Use) : C(C), Diags(C.getDiagnostics()), Root(Root), Use(Use) {}

  bool run(llvm::SmallVectorImpl<uint64_t> &Offsets) {
    Extents Found;
    type(Root, 0, nullptr, Found);
    for (const Extent &E : Found)
      if (E.IsReference)
        Offsets.push_back(E.Begin);
    llvm::sort(Offsets);
    Offsets.erase(llvm::unique(Offsets), Offsets.end());
    if (!Failed && !Offsets.empty() && size(Root) % WordSize)
      report("the size of %0 is no multiple of 8, so that references in an array of it would not be aligned; do not pack it", nullptr);
    for (const Extent &E : Found)
      if (!Failed && E.IsReference && E.Begin % WordSize)
        report("%0 has a reference at an offset that is no multiple of 8; do not pack a class with references", E.Field);
    return !Failed;
  }

  bool findUnclearUnion() {
    Quiet = true;
    Extents Found;
    type(Root, 0, nullptr, Found);
    return UnclearUnion;
  }

private:
  uint64_t size(QualType Type) { return C.getTypeSizeInChars(Type).getQuantity(); }

  void type(QualType Type, uint64_t Offset, const FieldDecl *Field, Extents &Out) {
    Type = Type.getCanonicalType();
    if (isReference(Type))
      return add({Offset, Offset + WordSize, true, Field}, Out);
    if (const auto *Atomic = Type->getAs<AtomicType>())
      return type(Atomic->getValueType(), Offset, Field, Out);
    if (const auto *Array = C.getAsConstantArrayType(Type))
      return array(Array, Offset, Field, Out);
    if (const auto *Open = C.getAsIncompleteArrayType(Type))
      return openArray(Open, Field);
    if (const RecordDecl *Record = Type->getAsRecordDecl())
      return record(Record->getDefinition(), Offset, true, Field, Out);
    add({Offset, Offset + (Type->isReferenceType() ? WordSize : size(Type)), false, Field}, Out);
  }

  void add(const Extent &E, Extents &Out) {
    if (Out.size() < MostReferences)
      Out.push_back(E);
    else
      report("%0 holds too many references; keep them in a gc::array", E.Field);
  }

  void array(const ConstantArrayType *Array, uint64_t Offset, const FieldDecl *Field, Extents &Out) {
    uint64_t Count = Array->getZExtSize(), Stride = size(Array->getElementType());
    Extents Element;
    type(Array->getElementType(), 0, Field, Element);
    if (Element.empty() || !Count)
      return;
    if (!anyReference(Element))
      return add({Offset, Offset + Count * Stride, false, Field}, Out);
    for (uint64_t I = 0; I != Count && !Failed; ++I)
      for (const Extent &E : Element)
        add({Offset + I * Stride + E.Begin, Offset + I * Stride + E.End, E.IsReference, Field}, Out);
  }

  void openArray(const IncompleteArrayType *Array, const FieldDecl *Field) {
    Extents Element;
    type(Array->getElementType(), 0, Field, Element);
    if (anyReference(Element))
      report("%0 ends in an array of references whose length is not known; use gc::array", Field);
  }

  void record(const RecordDecl *Record, uint64_t Offset, bool MostDerived, const FieldDecl *Field, Extents &Out) {
    if (QualType Held = stillpoint::heldInBytes(Record); !Held.isNull())
      return type(Held, Offset, Field, Out);
    const ASTRecordLayout &Layout = C.getASTRecordLayout(Record);
    const auto *Class = dyn_cast<CXXRecordDecl>(Record);
    if (Class && Layout.hasOwnVFPtr())
      add({Offset, Offset + WordSize, false, Field}, Out);
    if (Class)
      for (const CXXBaseSpecifier &Base : Class->bases())
        if (!Base.isVirtual()) {
          const auto *BaseClass = Base.getType()->getAsCXXRecordDecl()->getDefinition();
          record(BaseClass, Offset + Layout.getBaseClassOffset(BaseClass).getQuantity(), false, Field, Out);
        }
    if (Record->isUnion())
      unite(Record, Offset, Field, Out);
    else
      for (const FieldDecl *Member : Record->fields())
        member(Member, Offset, Layout, Field ? Field : Member, Out);
    if (Class && MostDerived)
      for (const CXXBaseSpecifier &Base : Class->vbases()) {
        const auto *BaseClass = Base.getType()->getAsCXXRecordDecl()->getDefinition();
        record(BaseClass, Offset + Layout.getVBaseClassOffset(BaseClass).getQuantity(), false, Field, Out);
      }
  }

  void member(const FieldDecl *Member, uint64_t Offset, const ASTRecordLayout &Layout, const FieldDecl *Outermost, Extents &Out) {
    uint64_t Bit = Layout.getFieldOffset(Member->getFieldIndex());
    if (!Member->isBitField())
      return type(Member->getType(), Offset + Bit / 8, Outermost, Out);
    if (uint64_t Width = Member->getBitWidthValue())
      add({Offset + Bit / 8, Offset + (Bit + Width + 7) / 8, false, Outermost}, Out);
  }

  void unite(const RecordDecl *Union, uint64_t Offset, const FieldDecl *Field, Extents &Out) {
    const ASTRecordLayout &Layout = C.getASTRecordLayout(Union);
    Extents All;
    llvm::SmallVector<std::pair<const FieldDecl *, Extents>, 4> Alternatives;
    for (const FieldDecl *Member : Union->fields()) {
      Extents Found;
      member(Member, Offset, Layout, Member, Found);
      Alternatives.emplace_back(Member, std::move(Found));
    }
    for (const auto &[Member, Found] : Alternatives)
      for (const Extent &E : Found) {
        if (E.IsReference)
          for (const auto &[Other, Rest] : Alternatives)
            if (Other != Member && !agrees(E, Rest))
              return reportUnion(Member, Other, Field, E.Begin);
        add({E.Begin, E.End, E.IsReference, Field ? Field : Member}, Out);
      }
  }

  // Whether a union's other alternative leaves the word of this reference alone or has a reference there too.
  static bool agrees(const Extent &Reference, llvm::ArrayRef<Extent> Other) {
    return llvm::none_of(Other, [&](const Extent &E) {
      bool Overlaps = E.Begin < Reference.End && Reference.Begin < E.End;
      return Overlaps && !(E.IsReference && E.Begin == Reference.Begin);
    });
  }

  bool isSystem(SourceLocation Loc) const { return Loc.isInvalid() || C.getSourceManager().isInSystemHeader(Loc); }

  // Where the user can change something: the member that leads there, else the class, else the use.
  SourceLocation place(const FieldDecl *Field) const {
    if (Field && !isSystem(Field->getLocation()))
      return Field->getLocation();
    const RecordDecl *Record = Root->getAsRecordDecl();
    return Record && !isSystem(Record->getLocation()) ? Record->getLocation() : Use;
  }

  template <unsigned N>
  void report(const char (&Text)[N], const FieldDecl *Field) {
    if (!Failed && !Quiet)
      Diags.Report(place(Field), Diags.getCustomDiagID(DiagnosticsEngine::Error, Text)) << Root;
    fail();
  }

  void reportUnion(const FieldDecl *Member, const FieldDecl *Other, const FieldDecl *Field, uint64_t Offset) {
    UnclearUnion = true;
    if (Failed || Quiet)
      return fail();
    Diags.Report(place(Field ? Field : Member),
                 Diags.getCustomDiagID(DiagnosticsEngine::Error,
                                       "a union in %0 holds a reference or other data in the same word (at byte %1), and the collector "
                                       "cannot know which; move the reference or the data out of the union, or make the data an object of "
                                       "its own behind a reference"))
        << Root << static_cast<unsigned>(Offset);
    note("%0 has a reference there", Member);
    note("%0 has other data there", Other);
    fail();
  }

  template <unsigned N>
  void note(const char (&Text)[N], const FieldDecl *Field) {
    Diags.Report(Field->getLocation(), Diags.getCustomDiagID(DiagnosticsEngine::Note, Text)) << Field->getType();
  }

  void fail() {
    if (!Failed && !Quiet && Use.isValid() && place(nullptr) != Use)
      Diags.Report(Use, Diags.getCustomDiagID(DiagnosticsEngine::Note, "the layout of %0 is needed here")) << Root;
    Failed = true;
  }

  ASTContext &C;
  DiagnosticsEngine &Diags;
  QualType Root;
  SourceLocation Use;
  bool Failed = false;
  bool Quiet = false;
  bool UnclearUnion = false;
};

} // namespace

QualType stillpoint::heldInBytes(const RecordDecl *Record) {
  const auto *Specialization = dyn_cast<ClassTemplateSpecializationDecl>(Record);
  if (!Specialization || !Specialization->getIdentifier())
    return {};
  llvm::StringRef Name = Specialization->getName();
  const auto *Space = dyn_cast<NamespaceDecl>(Specialization->getDeclContext()->getRedeclContext());
  if ((Name != "__aligned_membuf" && Name != "__aligned_buffer") || !Space || !Space->getIdentifier() || Space->getName() != "__gnu_cxx")
    return {};
  const TemplateArgument &Argument = Specialization->getTemplateArgs()[0];
  return Argument.getKind() == TemplateArgument::Type ? Argument.getAsType() : QualType();
}

bool stillpoint::hasUnclearUnion(ASTContext &C, QualType Type) { return Walk(C, Type, SourceLocation()).findUnclearUnion(); }

bool stillpoint::findReferences(ASTContext &C, QualType Type, SourceLocation Use, llvm::SmallVectorImpl<uint64_t> &Offsets) {
  return Walk(C, Type, Use).run(Offsets);
}
