// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A state in words, for the comments of an assembly listing: "safe, vector, refs rbx [cfa-24], roots".
#ifndef STILLPOINT_PASSES_EMIT_DESCRIBE_H
#define STILLPOINT_PASSES_EMIT_DESCRIBE_H

#include "passes/emit/States.h"

#include <string>

namespace stillpoint::emit {

inline std::string describeKind(const PointState &S) {
  switch (S.Sequence) {
  case PointState::Standard::Prologue:
    return "prologue";
  case PointState::Standard::Epilogue:
    return "epilogue";
  case PointState::Standard::None:
    break;
  }
  if (S.Kind == abi::kind_unsafe)
    return S.CalleePinned ? "unsafe, callees pinned" : S.CalleeMayStop ? "unsafe, callees may stop" : "unsafe";
  if (S.Kind == abi::kind_safe && S.Form == abi::frame_entry)
    return "entry";
  return std::string(S.Kind == abi::kind_pinned ? "pinned" : "safe") + (S.VectorLive ? ", vector" : "");
}

inline std::string describeSlot(int32_t Word, SlotBase Base) {
  const char *From = Base == SlotBase::Cfa ? "cfa" : Base == SlotBase::StackPointer ? "rsp" : "rbx";
  int64_t Bytes = int64_t(Word) * 8;
  return std::string("[") + From + (Bytes < 0 ? "" : "+") + std::to_string(Bytes) + "]";
}

inline std::string describe(const PointState &S, const FrameDescription &F) {
  static constexpr const char *Names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
  std::string Text = describeKind(S);
  if (S.RefRegisters || !S.RefSlots.empty())
    Text += ", refs";
  for (unsigned R = 0; R != 16; ++R)
    if (S.RefRegisters >> R & 1)
      Text += std::string(" ") + Names[R];
  for (int32_t Word : S.RefSlots)
    Text += " " + describeSlot(Word, F.Base);
  if (S.RootsReady)
    Text += ", roots";
  return Text;
}

} // namespace stillpoint::emit

#endif
