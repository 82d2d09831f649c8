// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bytes of Stillpoint's tables. The writer (passes/emit), the reader (runtime/map) and the tools take every constant from here and
// from nowhere else; a change of any byte is a change of `version`.
//
// Problem: for every PC of managed code say whether a task may be stopped there, where its frame is, and what is live, in a few percent
// of .text, searchable from a signal handler with no start-up work.
//
// Mechanism: sections in every object file, all SHF_ALLOC|SHF_LINK_ORDER, in the COMDAT group of the code that they describe, so that
// linkers sort them by the address of that code and drop and fold them with it.
//
//   STILLPOINT_RECORDS_SECTION   one record of 8 bytes for each contiguous fragment of a function, 4-byte aligned, in address order
//     +0  i32  start of the code, relative to this field's own address
//     +4  i32  start of the fragment's map (in the maps section), relative to this field's own address; or, if bit 31 differs from bit 30,
//              the whole map, for the commonest kind of function (an inline map)
//       bits 0-10   bytes in the whole frame between prologue and epilogue          bits 11-20  bytes in the whole frame behind the return
//       bits 21-24  index into `inline_shapes`: frame pointer and saved registers   bits 25-28  room: words of locals
//       bit 29      vector registers are taken as live                              bit 31      there is an epilogue and a one-byte return
//     It stands for these runs: the standard prologue (state_entry if nothing is saved, and nothing if there is no room either), the body, and
//     with bit 31 the pops as a standard epilogue, one byte in state_entry, the rest. Words = 1 + saved registers + room.
//
//   STILLPOINT_MAPS_SECTION      one map for each record that has none in itself, in the same order, unaligned
//     frame byte    bits 0-5  callee-saved registers that the whole frame has saved, in `saved_register` order
//                   bit 6     CFA = RBP + 16 in the whole frame (else CFA = RSP + 8 * words)
//                   bit 7     an extension ULEB128 follows
//     [extension]   ULEB128, bit set of `extension`
//     [words]       ULEB128, only if bit 6 is clear: (CFA - RSP) / 8 in the whole frame, the return address included: 1 = no frame
//     [slots]       only with extension_explicit_slots: for every bit set in 0-5, from bit 0 up, ULEB128 (CFA - address of slot) / 8.
//                   Otherwise the n-th set bit (from 0) is saved at CFA - 16 - 8 * n.
//     [lists]       only with extension_ref_slots or extension_stack_roots: ULEB128, their size in bytes; then
//                   with extension_ref_slots, the words that may hold references: a word list (below) with its lengths, all 1, left out;
//                   with extension_stack_roots, the words that hold references or null wherever a state is ready: a word list
//     [own states]  only with extension_own_states: ULEB128 count, then that many own states (below)
//     runs          ULEB128 (length in bytes << run_state_bits | state code) each, until `run_end`. The first run starts at the start of
//                   the code; runs follow one another without gaps. Code `state_escape` is followed by ULEB128, the index of an own state.
//     steps         with extension_references, instead of runs: ULEB128 (length in bytes << bits | step) each, until `step_end`, followed by
//                   ULEB128 operand for some. A step changes the state that was before it, and the changed state holds for `length` bytes.
//                   The first four bits of `step` say how many it has: 4, or 7 if they are step_long_a or step_long_b. In front of the first step
//                   the state is first_step_base, without references, stack roots not ready.
//
//   STILLPOINT_COPIES_SECTION    one copy_record of 12 bytes for each stretch of code that is an unchecked copy (a copy without the checks of write
//                                barriers, which runs only while the collector does not mark), 4-byte aligned, in address order
//     +0  i32  start of the stretch      +4  i32  where the checked copy of its first instruction starts     +8  i32  start of its pieces, in the
//              maps section; each relative to this field's own address
//     pieces        ULEB128 count, at least 1; then for each, from the stretch's start on and without gaps, ULEB128 (length in bytes << 1 | fixed),
//                   SLEB128 distance of its counterpart from the one before's (the first: from +4). A point that lies n bytes into the
//                   piece stands for the one n bytes into its counterpart; if `fixed`, every point stands for the counterpart's start.
//
//   word list       ULEB128 count of ranges; then for each range, ascending, ULEB128 distance from the end of the one before (for the first:
//                   zigzag, from the base) and ULEB128 length, at least 1. In words from the map's slot base (extension_base_*): below the CFA they
//                   are negative. Ranges of a list do not touch, but where lengths are left out.
//
//   own state       ULEB128: bits 0-1 point_kind; bit 2 a vector, mask, x87 or MMX register is live; bits 3-4 frame_form; bit 5 a live set
//                   follows; bit 6, only of an unsafe state with a known frame: a callee of a call here may be stopped; bit 7, only
//                   with bit 6: it goes on in the same thread, not anywhere
//     [depth]       only with frame_explicit: ULEB128, CFA = RSP + 8 * depth, registers saved as in the whole frame
//     [live set]    ULEB128 general (live_general bits), ULEB128 vector (bit n: XMMn/YMMn/ZMMn), ULEB128 other (bits 0-7 K0-K7,
//                   bits 8-15 ST0-ST7/MM0-MM7)
//
// A length may be 0 (empty inline assembly); `run_end` is a zero-length epilogue, which no writer makes otherwise. ULEB128s may be padded
// (assemblers do that to labels' differences), to 10 bytes at most.
//
// What contradicts itself is corrupt, and a reader refuses it: a saved register's slot that is not between the return address and the
// stack pointer; bit 6 without a saved RBP; a prologue or epilogue run that is shorter than its pushes or pops, or longer by more than one
// instruction; live vector registers without own state bit 2; bit 6 of a state that is not unsafe or has no known frame; bit 7 without bit 6; references where the frame
// is unknown; slots or readiness outside the whole frame if the base is not the CFA; RBP as a reference where the CFA is RBP's, RBX where it is the
// base; slots or stack roots that are the return address or lie
// below the red zone of a frame that is found by RSP; steps to readiness without stack roots; a size that is not what stands there; bits, codes,
// steps and indices that this file does not name.
//
// Inline maps exist because the record and the shortest map cost as much as all the rest: they are a third of the tables of C++ with many
// small functions. A linked module's two sections are next to each other, far less than 1 GB apart, so that a distance has equal bits 30 and 31.
//
// Rejected: absolute addresses (relocations in PIE), a length in the record (the runs end by themselves), a state index byte beside the
// distance (one byte more per change).
#ifndef STILLPOINT_ABI_MAP_FORMAT_H
#define STILLPOINT_ABI_MAP_FORMAT_H

#include <cstdint>

// The version stands in the section names, so that objects of two versions linked into one module do not mix. Everybody takes it from this line,
// the tests too (lit/lit.cfg.py); only tables that tests write by hand say for which version they are written.
#define STILLPOINT_TABLE_VERSION 4
#define STILLPOINT_TEXT_OF_VERSION(number) #number
#define STILLPOINT_NAME_OF_VERSION(name, number) name "_v" STILLPOINT_TEXT_OF_VERSION(number)
#define STILLPOINT_OF_THIS_VERSION(name) STILLPOINT_NAME_OF_VERSION(name, STILLPOINT_TABLE_VERSION)

#define STILLPOINT_RECORDS_SECTION STILLPOINT_OF_THIS_VERSION("stillpoint_records")
#define STILLPOINT_MAPS_SECTION STILLPOINT_OF_THIS_VERSION("stillpoint_maps")
#define STILLPOINT_COPIES_SECTION STILLPOINT_OF_THIS_VERSION("stillpoint_copies")
// The words of static storage that hold references or null: an array of global_root, SHF_LINK_ORDER with the variable where that is possible.
#define STILLPOINT_GLOBALS_SECTION STILLPOINT_OF_THIS_VERSION("stillpoint_globals")
// The function of the runtime that a module's constructor calls; weak in the module, so that code links without the runtime.
#define STILLPOINT_REGISTER_FUNCTION "__stillpoint_register_tables"
#define STILLPOINT_UNREGISTER_FUNCTION "__stillpoint_unregister_tables"
// The module's descriptor, constructor and destructor are hidden COMDAT symbols with these names (the version again in each); the two
// functions are in an executable section of their own, so that .text is what it is without the plugin.
#define STILLPOINT_DESCRIPTOR_SYMBOL STILLPOINT_OF_THIS_VERSION("__stillpoint_module")
#define STILLPOINT_CONSTRUCTOR_SYMBOL STILLPOINT_OF_THIS_VERSION("__stillpoint_module_init")
#define STILLPOINT_DESTRUCTOR_SYMBOL STILLPOINT_OF_THIS_VERSION("__stillpoint_module_fini")
#define STILLPOINT_REGISTERED_SYMBOL STILLPOINT_OF_THIS_VERSION("__stillpoint_module_registered")
// The bytes that write barriers test, one for each object file that has barriers: not 0 while the collector marks. The runtime writes all of them.
// No common symbol: link-time optimisation may make it local to the one object that has the descriptor.
#define STILLPOINT_MARKING_SECTION STILLPOINT_OF_THIS_VERSION("stillpoint_marking")
#define STILLPOINT_CONSTRUCTOR_SECTION "stillpoint_init"

namespace stillpoint::abi {

inline constexpr std::uint32_t version = STILLPOINT_TABLE_VERSION;
inline constexpr std::uint32_t first_version_with_references = 2;

// "STILLPT" and a zero, as a little-endian number.
inline constexpr std::uint64_t descriptor_magic = 0x0054504c4c495453;

// What a module's constructor hands to the runtime. Plain pointers: the dynamic linker relocates them.
struct module_descriptor {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t size; // sizeof(module_descriptor) of the writer
  const unsigned char *records_begin;
  const unsigned char *records_end;
  const unsigned char *maps_begin;
  const unsigned char *maps_end;
  const unsigned char *globals_begin;
  const unsigned char *globals_end;
  unsigned char *marking_begin;
  unsigned char *marking_end;
  const unsigned char *copies_begin;
  const unsigned char *copies_end;
};

// One word of static storage. No distance: only the dynamic linker knows whose copy of a variable that others may define is used (an executable may
// even have taken over a shared object's).
struct global_root {
  std::uint64_t address;
};
static_assert(sizeof(global_root) == 8);

struct record {
  std::int32_t start;
  std::int32_t map;
};
static_assert(sizeof(record) == 8);

struct copy_record {
  std::int32_t unchecked;
  std::int32_t checked;
  std::int32_t pieces;
};
static_assert(sizeof(copy_record) == 12);

// A piece's first number: length << piece_bits | piece_fixed.
inline constexpr unsigned piece_bits = 1;
inline constexpr unsigned piece_fixed = 1;

// What a writer may rely on that readers accept; beyond it, it must call the code unsafe.
inline constexpr std::uint64_t max_fragment_size = 0x7fffffff; // bytes of code
inline constexpr std::uint64_t max_frame_words = 0x0fffffff;
inline constexpr unsigned max_instruction_size = 15;

// Bits 0-5 of the frame byte; also the order in which LLVM pushes them.
enum saved_register : unsigned { saved_rbp, saved_r15, saved_r14, saved_r13, saved_r12, saved_rbx, saved_register_count };

inline constexpr unsigned frame_saved_mask = 0x3f;
inline constexpr unsigned frame_cfa_is_rbp = 0x40;
inline constexpr unsigned frame_has_extension = 0x80;

enum extension : unsigned {
  extension_explicit_slots = 1,
  extension_own_states = 2,
  extension_nosplit = 4, // the function asked for it; for the tools' display only
  extension_references = 8,
  extension_ref_slots = 16, // the rest only with extension_references
  extension_stack_roots = 32,
  extension_base_rsp = 64,  // slots and stack roots are counted from RSP in the whole frame,
  extension_base_rbx = 128, // or from RBX (not both); else from the CFA
  extension_known = 255     // a reader refuses other bits
};

// What slots and stack roots are counted from.
enum slot_base : unsigned {
  base_cfa,           // every frame whose locals have a fixed distance to it
  base_stack_pointer, // RSP in the whole frame: realigned frames
  base_rbx            // realigned frames with dynamic areas
};

enum point_kind : unsigned { kind_unsafe, kind_safe, kind_pinned };

// Where the frame is at a point.
enum frame_form : unsigned {
  frame_whole,   // as the frame byte and words say
  frame_entry,   // CFA = RSP + 8, nothing saved: before the prologue, and at the return
  frame_unknown, // nobody may walk from here
  frame_explicit // CFA = RSP + 8 * depth, registers saved as in the whole frame
};

// The low bits of every run. Codes 0-5 stand for a state each; 6 is own state 0; 7 escapes to any own state.
inline constexpr unsigned run_state_bits = 3;
inline constexpr unsigned run_state_mask = (1u << run_state_bits) - 1;
enum state_code : unsigned {
  state_unsafe,      // unsafe, frame unknown
  state_safe,        // safe, whole frame, no vector register live
  state_safe_vector, // safe, whole frame, vector registers live
  state_entry,       // safe, entry frame, vector registers taken as live
  state_prologue,    // safe, vector registers taken as live; the frame is being built by the standard prologue (below)
  state_epilogue,    // the same, being torn down by the standard epilogue
  state_own_0,
  state_escape
};
inline constexpr unsigned run_end = state_epilogue;

// The steps of a map with references. A state is its base (a common code or an own state), the set of registers and the set of slots that hold live
// references, and whether the stack roots are ready. References count only where the frame is known, readiness not at entry, in prologues and epilogues.
inline constexpr unsigned step_short_bits = 4;
inline constexpr unsigned step_long_bits = 7;
inline constexpr unsigned step_long_a = 14;
inline constexpr unsigned step_long_b = 15;
inline constexpr bool is_long_step(std::uint64_t value) { return (value & ((1u << step_short_bits) - 1)) >= step_long_a; }
enum step : unsigned {
  // 0-7: toggle one of the first eight step_registers
  step_safe = 8,         // base: the common code of this name
  step_entry = 9,        // the same
  step_epilogue = 10,    // the same
  step_call = 11,        // registers: none but the callee-saved ones that were
  step_call_result = 12, // the same, and RAX
  step_mask = 13,        // operand: toggle the registers whose bits are set, in the order of step_registers
  // step_long_a | n << 4, n < 7: toggle step_registers[8 + n]
  step_slot = step_long_a | 7 << step_short_bits,        // operand: toggle this word of the list of slots
  step_unsafe = step_long_b | 0 << step_short_bits,      // base
  step_safe_vector = step_long_b | 1 << step_short_bits, // base
  step_prologue = step_long_b | 2 << step_short_bits,    // base
  step_own = step_long_b | 3 << step_short_bits,         // base; operand: the own state of this index
  step_ready = step_long_b | 4 << step_short_bits,       // stack roots: ready if they were not, and the other way round
  step_clear = step_long_b | 5 << step_short_bits,       // no registers, no slots
  step_end = step_long_b | 6 << step_short_bits          // with length 0
};
// Encoding numbers, commonest first. RSP is never a reference.
inline constexpr unsigned step_register_count = 15;
inline constexpr unsigned step_short_registers = 8;
inline constexpr std::uint8_t step_registers[step_register_count] = {0, 7, 3, 14, 6, 1, 15, 2, 12, 13, 5, 8, 9, 10, 11};
inline constexpr unsigned step_toggle(unsigned nth) {
  return nth < step_short_registers ? nth : step_long_a | (nth - step_short_registers) << step_short_bits;
}
inline constexpr std::uint16_t callee_saved_registers = 0xf028; // RBX, RBP, R12-R15
inline constexpr state_code first_step_base(std::uint8_t saved) { return saved != 0 ? state_prologue : state_safe; }

// The standard prologue, from the run's start: PUSH RBP if saved (1 byte), MOV RBP, RSP if the CFA is RBP's (3 bytes), then PUSH of the other
// saved registers in saved_register order (R12-R15 2 bytes, RBX 1), then at most one instruction that makes room for locals, up to the run's
// end. At a point after k pushes CFA = RSP + 8 * (k + 1) and the first k registers are saved in their implied slots. A point of the run
// that is not the start of one of these instructions does not exist.
// The standard epilogue ends with the run: POPs of all saved registers in the opposite order; whatever stands before them in the run is one
// instruction that gives the locals back, at whose start the frame is whole. The return or tail jump behind it is a run of its own.
// Neither state is used in a map with explicit slots.
inline constexpr unsigned saved_register_push_size(unsigned reg) { return reg == saved_rbp || reg == saved_rbx ? 1 : 2; }
inline constexpr unsigned frame_pointer_setup_size = 3;

// Inline maps.
inline constexpr unsigned inline_body_bits = 11;
inline constexpr unsigned inline_tail_shift = 11;
inline constexpr unsigned inline_tail_bits = 10;
inline constexpr unsigned inline_shape_shift = 21;
inline constexpr unsigned inline_shape_bits = 4;
inline constexpr unsigned inline_room_shift = 25;
inline constexpr unsigned inline_room_bits = 4;
inline constexpr std::uint32_t inline_vector = 1u << 29;
inline constexpr std::uint32_t inline_no_return = 1u << 30;
inline constexpr std::uint32_t inline_returns = 1u << 31;
inline constexpr bool is_inline_map(std::uint32_t field) { return ((field >> 31) ^ (field >> 30 & 1)) != 0; }

// Frame bytes: what LLVM's order of allocation makes, one register more at a time.
inline constexpr std::uint8_t inline_shapes[1u << inline_shape_bits] = {
    0,    0x20, 0x24, 0x26, 0x36, 0x3e, 0x3f, // none, RBX, +R14, +R15, +R12, +R13, +RBP
    0x21, 0x25, 0x27, 0x37,                   // RBP as any register and RBX, +R14, +R15, +R12
    0x41, 0x61, 0x65, 0x67, 0x7f              // RBP as frame pointer, +RBX, +R14, +R15, +R12 and R13
};

// The bytes of the instruction that makes `room` words of room in a frame without frame pointer: PUSH of any register, or SUB RSP with a
// one-byte immediate (room is at most 15 words). With a frame pointer room is 0.
inline constexpr unsigned inline_room_size(unsigned room) { return room == 0 ? 0 : room == 1 ? 1 : 4; }

// Own-state flags.
inline constexpr unsigned own_kind_mask = 0x3;
inline constexpr unsigned own_vector_live = 0x4;
inline constexpr unsigned own_frame_shift = 3;
inline constexpr unsigned own_frame_mask = 0x3;
inline constexpr unsigned own_has_live_set = 0x20;
inline constexpr unsigned own_callee_may_stop = 0x40;
inline constexpr unsigned own_callee_pinned = 0x80;
inline constexpr unsigned own_known = 0xff;

inline constexpr unsigned encoding_rbx = 3;
inline constexpr unsigned encoding_rsp = 4;
inline constexpr unsigned encoding_rbp = 5;
inline constexpr unsigned red_zone_words = 16;

// Bits of a live set's general word: the register's encoding number (RAX 0, RCX 1, RDX 2, RBX 3, RSP 4, RBP 5, RSI 6, RDI 7, R8-R15), and
inline constexpr unsigned live_flags_bit = 16;
inline constexpr std::uint64_t live_general_known = 0x1ffff;
inline constexpr std::uint64_t live_vector_known = 0xffffffff;
inline constexpr std::uint64_t live_other_known = 0xffff;

} // namespace stillpoint::abi

#endif
