// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is printed of one image, in either form.
#ifndef STILLPOINT_TOOLS_OBJDUMP_OUTPUT_H
#define STILLPOINT_TOOLS_OBJDUMP_OUTPUT_H

#include "common/model.h"

#include "llvm/Support/raw_ostream.h"

namespace stillpoint::tools {

// What one image came to. `fragments` are those that the filter let through.
struct report {
  const image *file;
  llvm::ArrayRef<fragment> fragments;
};

void print_summary_text(const report &r, disassembler &d, llvm::raw_ostream &os);
void print_functions_text(const report &r, disassembler &d, bool with_foreign, llvm::raw_ostream &os);
void print_runs_text(const report &r, llvm::raw_ostream &os);

// One JSON object on a line of its own (docs/table-format.md has the schema).
void print_summary_json(const report &r, disassembler &d, llvm::raw_ostream &os);
void print_functions_json(const report &r, disassembler &d, llvm::raw_ostream &os);

// "cfa=rsp+48", "cfa=rbp+16", "cfa=?".
std::string frame_text(const map::frame_rule &frame);
// "rbp,r14,rbx"; empty if none.
std::string saved_text(unsigned saved);
// "rbx=ref [rsp+16]=ref [rsp+24]=root [rsp+32]=root*3"; empty if none.
std::string references_text(const point_references &refs);
// "rax,rcx,flags xmm0-3 k1"; "none".
std::string live_text(const map::live_set &live);
// The names in a live set, in the order of its bits.
std::vector<std::string> live_names(const map::live_set &live);

} // namespace stillpoint::tools

#endif
