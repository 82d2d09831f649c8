// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See typed.h.
#include "typed.h"
#include "conventions.h"

#include "llvm/ADT/STLExtras.h"

namespace stillpoint::verify {

// What the instruction hands to somebody who takes references only.
void typed_values::note_given(index i, const values_state &s) {
  const instruction &at = f_.code[i];
  const bool leaves = at.op.does == what::jump && f_.leaves(at);
  if (f_.others == nullptr || (at.op.does != what::call && !leaves))
    return;
  const std::uint32_t taken = f_.others->references_taken_by(at.op);
  for (unsigned r = 0; r != general_count; ++r)
    if ((taken >> r & 1) != 0)
      references_.push_back({s.registers[r].id, i});
}

void typed_values::note(index i, const values_state &s) {
  const operation &op = f_.code[i].op;
  if (loads_at_ != nowhere && loads_at_ + 1 == i && f_.block_of[i - 1] == f_.block_of[i])
    words_[word_].insert({s.registers[f_.code[i - 1].op.dest].id, i});
  note_given(i, s);
  const memory_operand &m = op.memory;
  if (!m.present || m.segment || m.base >= general_count)
    return;
  const number base = s.registers[m.base].id;
  if (base == lost || s.registers[m.base].is != value::plain)
    return;
  if (op.loads || op.stores) {
    if (base >= dereferenced_.size())
      dereferenced_.resize(base + 1);
    dereferenced_.set(base);
  }
  if (op.does == what::load && m.index == no_register && !m.fixed_up) {
    loads_at_ = i;
    word_ = {base, m.displacement};
  }
}

} // namespace stillpoint::verify
