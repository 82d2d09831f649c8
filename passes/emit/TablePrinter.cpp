// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: the tables have to follow the code through linkers that drop, fold and reorder sections.
//
// Mechanism: when the module's assembly is finished, every fragment's record and map go into sections that are linked to the section of the
// code (SHF_LINK_ORDER), in the same COMDAT group and with the same unique number. Lengths are expressions over the labels that the machine
// pass placed, so that the assembler, internal or external, resolves them after it has relaxed the branches.
//
// Invariant: a fragment of which any label was not printed is left out: its code is then foreign, never wrong.
//
// Rejected: one section for the whole module, which would keep dead functions alive and break folding.
#include "passes/emit/Describe.h"
#include "passes/emit/Tables.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/CodeGen/AsmPrinter.h"
#include "llvm/CodeGen/GCMetadata.h"
#include "llvm/CodeGen/GCMetadataPrinter.h"
#include "llvm/MC/MCAsmBackend.h"
#include "llvm/MC/MCAssembler.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCExpr.h"
#include "llvm/MC/MCObjectStreamer.h"
#include "llvm/MC/MCSectionELF.h"
#include "llvm/MC/MCStreamer.h"
#include "llvm/MC/MCSymbolELF.h"

using namespace llvm;

namespace stillpoint {

namespace {

const MCExpr *distance(const MCSymbol *From, const MCSymbol *To, MCContext &Context) {
  return MCBinaryExpr::createSub(MCSymbolRefExpr::create(To, Context), MCSymbolRefExpr::create(From, Context), Context);
}

// The sink of encodeMap that prints.
class AssemblySink {
public:
  AssemblySink(MCStreamer &Out, const emit::FrameDescription &Frame) : Out(Out), Frame(Frame) {}
  void byte(uint8_t B) { Out.emitInt8(B); }
  void uleb(uint64_t V) { Out.emitULEB128IntValue(V); }
  void run(const MCSymbol *From, const MCSymbol *To, unsigned Bits, unsigned Code, const emit::PointState &S) {
    MCContext &Context = Out.getContext();
    auto *Scaled = MCBinaryExpr::createMul(distance(From, To, Context), MCConstantExpr::create(1 << Bits, Context), Context);
    if (Out.isVerboseAsm())
      Out.AddComment(emit::describe(S, Frame));
    Out.emitULEB128Value(MCBinaryExpr::createAdd(Scaled, MCConstantExpr::create(Code, Context), Context));
  }

private:
  MCStreamer &Out;
  const emit::FrameDescription &Frame;
};

class TablePrinter : public GCMetadataPrinter {
public:
  void finishAssembly(Module &, GCModuleInfo &, AsmPrinter &AP) override {
    auto &Strategy = static_cast<TablesStrategy &>(getStrategy());
    for (const auto &F : Strategy.Fragments)
      if (isPrinted(F))
        print(F, *AP.OutStreamer);
    Strategy.Fragments.clear();
  }

private:
  static bool isPrinted(const TablesStrategy::Fragment &F) {
    const MCSymbol *Start = F.Runs.front().From;
    if (!Start->isInSection())
      return false;
    return all_of(F.Runs, [&](const auto &R) { return R.To->isInSection() && &R.To->getSection() == &Start->getSection(); });
  }

  static MCSection *sectionFor(const char *Name, MCSection &CodeSection, MCContext &Context) {
    auto &Section = static_cast<MCSectionELF &>(CodeSection);
    unsigned Flags = ELF::SHF_ALLOC | ELF::SHF_LINK_ORDER;
    StringRef Group;
    if (const MCSymbol *G = Section.getGroup()) {
      Flags |= ELF::SHF_GROUP;
      Group = G->getName();
    }
    // A number of its own for every section of code: sections of one name that are linked to different code must stay apart.
    return Context.getELFSection(Name, ELF::SHT_PROGBITS, Flags, 0, Group, Section.isComdat(), Section.getUniqueID(),
                                 static_cast<const MCSymbolELF *>(Section.getBeginSymbol()));
  }

  static void print(const TablesStrategy::Fragment &F, MCStreamer &Out) {
    MCContext &Context = Out.getContext();
    const MCSymbol *Start = F.Runs.front().From;
    const MCExpr *Inline = inlineMap(F, Out);
    MCSymbol *Map = Inline ? nullptr : printMap(F, Out);
    Out.switchSection(sectionFor(STILLPOINT_RECORDS_SECTION, Start->getSection(), Context));
    Out.emitValueToAlignment(Align(4));
    MCSymbol *Record = Context.createTempSymbol();
    Out.emitLabel(Record);
    printDistance(Start, Out);
    if (Inline)
      Out.emitValue(Inline, 4);
    else
      printDistance(Map, Out);
    forbidFolding(Start, Record, Out);
    for (const auto &Pieces : F.Copies)
      printCopy(Pieces, Out);
  }

  static void printCopy(const std::vector<emit::CopyPiece<const MCSymbol *>> &Pieces, MCStreamer &Out) {
    MCContext &Context = Out.getContext();
    MCSection &Code = Pieces.front().From->getSection();
    MCSymbol *List = Context.createTempSymbol("stillpoint_pieces");
    Out.switchSection(sectionFor(STILLPOINT_MAPS_SECTION, Code, Context));
    Out.emitLabel(List);
    Out.emitULEB128IntValue(Pieces.size());
    const MCSymbol *Before = Pieces.front().Checked;
    for (const auto &P : Pieces) {
      auto *Scaled =
          MCBinaryExpr::createMul(distance(P.From, P.To, Context), MCConstantExpr::create(1 << abi::piece_bits, Context), Context);
      Out.emitULEB128Value(MCBinaryExpr::createAdd(Scaled, MCConstantExpr::create(P.Fixed ? abi::piece_fixed : 0, Context), Context));
      Out.emitSLEB128Value(distance(std::exchange(Before, P.Checked), P.Checked, Context));
    }
    Out.switchSection(sectionFor(STILLPOINT_COPIES_SECTION, Code, Context));
    Out.emitValueToAlignment(Align(4));
    for (const MCSymbol *Target : {Pieces.front().From, Pieces.front().Checked, static_cast<const MCSymbol *>(List)})
      printDistance(Target, Out);
  }

  // Linkers that fold identical code (--icf) compare its bytes and relocations, not its tables, and functions of the same bytes may have
  // different ones: one is nosplit, or returns what the other drops. A relocation that does nothing tells them apart.
  static void forbidFolding(const MCSymbol *Start, const MCSymbol *Record, MCStreamer &Out) {
    MCContext &Context = Out.getContext();
    Out.switchSection(&Start->getSection());
    Out.emitRelocDirective(*MCSymbolRefExpr::create(Start, Context), "R_X86_64_NONE", MCSymbolRefExpr::create(Record, Context));
  }

  static MCSymbol *printMap(const TablesStrategy::Fragment &F, MCStreamer &Out) {
    MCSymbol *Map = Out.getContext().createTempSymbol("stillpoint_map");
    Out.switchSection(sectionFor(STILLPOINT_MAPS_SECTION, F.Runs.front().From->getSection(), Out.getContext()));
    Out.emitLabel(Map);
    AssemblySink Sink(Out, F.Frame);
    emit::encodeMap(Sink, F);
    return Map;
  }

  static void printDistance(const MCSymbol *Target, MCStreamer &Out) {
    MCSymbol *Here = Out.getContext().createTempSymbol();
    Out.emitLabel(Here);
    Out.emitAbsoluteSymbolDiff(Target, Here, 4);
  }

  // The value of an inline map, if there is one and the lengths that it implies are known to be right. An external assembler's lengths are
  // not known here.
  static const MCExpr *inlineMap(const TablesStrategy::Fragment &F, MCStreamer &Out) {
    emit::InlineMap<const MCSymbol *> Map;
    auto *Assembler = Out.hasRawTextSupport() ? nullptr : static_cast<MCObjectStreamer &>(Out).getAssemblerPtr();
    // An assembler that pads branches breaks the upper bounds that a match relies on.
    if (!Assembler || Assembler->getBackend().allowAutoPadding() || !emit::InlineMatcher<const MCSymbol *>(F).match(Map))
      return nullptr;
    for (const auto &Exact : Map.Exact) {
      int64_t Bytes = 0;
      if (!distance(Exact.From, Exact.To, Out.getContext())->evaluateAsAbsolute(Bytes, *Assembler) || Bytes != Exact.Bytes)
        return nullptr;
    }
    MCContext &Context = Out.getContext();
    auto *Tail = MCBinaryExpr::createMul(distance(Map.TailFrom, Map.TailTo, Context),
                                         MCConstantExpr::create(1 << abi::inline_tail_shift, Context), Context);
    auto *Lengths = MCBinaryExpr::createAdd(distance(Map.BodyFrom, Map.BodyTo, Context), Tail, Context);
    return MCBinaryExpr::createAdd(Lengths, MCConstantExpr::create(Map.Constant, Context), Context);
  }
};

GCRegistry::Add<TablesStrategy> Strategy(TablesStrategyName, "Stillpoint's tables");
GCMetadataPrinterRegistry::Add<TablePrinter> Printer(TablesStrategyName, "Stillpoint's tables");

} // namespace

} // namespace stillpoint
