// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: what does an instruction do to registers and memory, as far as a proof about tables needs it?
//
// Mechanism: LLVM's description of the instruction (MCInstrDesc) says which operands are read and written; the opcodes that move, add and
// compare
// addresses are known by name, because LLVM installs no enumerators of its X86 back end. Opcodes and registers are classified once, when
// the model is made.
//
// Invariants: nothing here comes from the compiler's passes. `reads` leaves out what is read by form only (XOR of a register with itself,
// the
// part of a vector register that is passed through), so that a register in it is really wanted; `writes` has everything whose value may
// change.
//
// Rejected: sharing passes/machine's model: its mistakes would not be found.
#ifndef STILLPOINT_TOOLS_VERIFY_OPERATION_H
#define STILLPOINT_TOOLS_VERIFY_OPERATION_H

#include "common/disassembler.h"
#include "common/image.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stillpoint::verify {

enum general : std::uint8_t {
  rax,
  rcx,
  rdx,
  rbx,
  rsp,
  rbp,
  rsi,
  rdi,
  r8,
  r9,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  general_count,
  rip,
  no_register
};

inline constexpr std::uint32_t bit(unsigned n) { return std::uint32_t{1} << n; }
inline constexpr std::uint32_t all_general = 0xffff;
inline constexpr std::uint32_t callee_saved = bit(rbx) | bit(rbp) | bit(r12) | bit(r13) | bit(r14) | bit(r15);
inline constexpr std::uint32_t caller_saved = all_general & ~callee_saved & ~bit(rsp);

struct register_set {
  std::uint32_t general = 0; // by encoding number
  std::uint32_t vector = 0;
  std::uint8_t mask = 0;
  bool flags = false;
  [[nodiscard]] bool any_vector() const { return vector != 0 || mask != 0; }
  register_set &operator|=(const register_set &o);
  register_set &remove(const register_set &o);
  bool operator==(const register_set &) const = default;
};

enum class what : std::uint8_t {
  other,
  nothing,       // no operation
  copy,          // dest = source
  half,          // the same of 32 bits: the upper half is cleared
  load,          // dest = 8 bytes of memory
  store,         // 8 bytes of memory = source, or the immediate
  push,          // of source, the immediate, or (neither) something else
  pop,           // into dest, or into something else
  add,           // dest += immediate
  sum,           // dest += source
  difference,    // dest -= source
  align,         // dest &= immediate
  address,       // LEA
  constant,      // dest = immediate
  either,        // dest may become source or stay what it is: CMOV, AND, OR
  exchange,      // dest and source
  load_extended, // dest = 4 bytes of memory, with their sign
  leave,
  call,
  jump,   // direct, or indirect through a register or memory
  branch, // conditional
  leaves  // RET, UD2: execution does not go on behind it
};

struct memory_operand {
  bool present = false;
  std::uint8_t base = no_register;
  std::uint8_t index = no_register; // a vector register's is no_register, too
  std::uint8_t scale = 1;
  bool segment = false; // FS or GS
  bool fixed_up = false;
  std::int64_t displacement = 0;
  std::optional<std::uint64_t> target; // if it is an address in this file
};

struct operation {
  what does = what::other;
  std::uint8_t dest = no_register;
  std::uint8_t source = no_register;
  std::uint8_t dest_bytes = 0; // how much of a general register the explicit result is; 0: none
  bool loads = false;
  bool stores = false;
  bool indirect = false; // a call or jump through a register or memory
  bool returns = false;
  bool trap = false;
  bool no_return = false;       // a call that never comes back, by its name
  bool allocates = false;       // a call that returns memory of the program's own, by its name
  bool prefix = false;          // LOCK, REP on their own
  bool thread = false;          // it makes an address that depends on the thread
  bool descriptor_call = false; // of a TLS descriptor: keeps all registers but RAX
  std::optional<std::int64_t> immediate;
  memory_operand memory;
  std::uint32_t memory_bytes = 0; // of a load or store; 0: not known
  register_set reads;             // values and addresses
  std::uint32_t narrow = 0;       // general registers of which less than 8 bytes are read
  register_set values;            // of them those that the result may be made of
  register_set writes;
  std::optional<std::uint64_t> target; // of a direct call, jump or branch, if it is in this file
  std::string callee;                  // its name, if the file says
};

// Sets the callee of a call, and what its name implies.
void name_callee(operation &call, std::string name);

class model {
public:
  explicit model(tools::disassembler &d);
  // What the instruction at `address` does; `bytes` begins with it. Size 0 if the bytes are none.
  unsigned decode(const tools::image &file, llvm::ArrayRef<std::uint8_t> bytes, std::uint64_t address, operation &into) const;

private:
  enum class kind : std::uint8_t { none, general, extended, vector, mask, flags, segment, instruction_pointer, other };
  struct reg {
    kind is = kind::none;
    std::uint8_t number = 0;
    std::uint8_t bytes = 0;
  };
  struct opcode {
    what does = what::other;
    bool zeroes_with_itself = false; // reads nothing if both sources are one register
    bool passes_through = false;     // its first vector source only fills what the result leaves
    bool keeps_vectors = false;      // VZEROUPPER: what it ends is not live, what goes on is not its
    bool computes_address = false;   // LEA: LLVM does not call its operand memory
    bool reads_segment = false;
    bool prefix = false;
    std::uint32_t memory_bytes = 0;
  };
  void classify_registers();
  void classify_opcodes();
  static opcode classify(llvm::StringRef name);
  void add(register_set &to, const reg &r) const;
  void read_memory_operand(const llvm::MCInst &i, unsigned first, operation &o) const;
  void read_operands(const llvm::MCInst &i, operation &o) const;
  void refine(const llvm::MCInst &i, operation &o) const;
  static void resolve(const tools::image &file, std::uint64_t address, unsigned size, operation &o);

  tools::disassembler &d_;
  std::vector<reg> registers_;
  std::vector<opcode> opcodes_;
};

} // namespace stillpoint::verify

#endif
