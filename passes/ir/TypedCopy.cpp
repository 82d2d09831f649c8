// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a copy of a whole object as bytes, words or vectors loses its references: in the middle of it the tables could not say where they are.
//
// Mechanism: word by word, each reference loaded and stored as such.
//
// Invariant: a reference is loaded and stored whole: no other thread sees half of one.
#include "passes/ir/TypedCopy.h"
#include "passes/Markers.h"

using namespace llvm;

void stillpoint::emitTypedCopy(IRBuilder<> &B, CopySide To, CopySide From, uint64_t Size, ArrayRef<uint64_t> Offsets) {
  constexpr uint64_t WordSize = 8;
  auto At = [&](Value *V, uint64_t Offset) { return Offset ? B.CreateConstInBoundsGEP1_64(B.getInt8Ty(), V, Offset) : V; };
  auto CopyPlain = [&](uint64_t Begin, uint64_t End) {
    if (Begin < End)
      B.CreateMemCpy(At(To.Pointer, Begin), commonAlignment(To.Alignment, Begin), At(From.Pointer, Begin),
                     commonAlignment(From.Alignment, Begin), End - Begin);
  };
  auto *Reference = PointerType::get(B.getContext(), ReferenceAddressSpace);
  uint64_t Done = 0;
  for (uint64_t Offset : Offsets) {
    if (Offset < Done || Offset + WordSize > Size)
      continue;
    CopyPlain(Done, Offset);
    Value *V = B.CreateAlignedLoad(Reference, At(From.Pointer, Offset), commonAlignment(From.Alignment, Offset));
    B.CreateAlignedStore(V, At(To.Pointer, Offset), commonAlignment(To.Alignment, Offset));
    Done = Offset + WordSize;
  }
  CopyPlain(Done, Size);
}
