// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See operation.h.
#include "operation.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/MC/MCInst.h"
#include "llvm/MC/MCInstrDesc.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCRegisterInfo.h"

namespace stillpoint::verify {

using namespace llvm;

register_set &register_set::operator|=(const register_set &o) {
  general |= o.general;
  vector |= o.vector;
  mask |= o.mask;
  flags |= o.flags;
  return *this;
}

register_set &register_set::remove(const register_set &o) {
  general &= ~o.general;
  vector &= ~o.vector;
  mask &= static_cast<std::uint8_t>(~o.mask);
  flags = flags && !o.flags;
  return *this;
}

namespace {

constexpr unsigned memory_operands = 5; // base, scale, index, displacement, segment

// The first number in an opcode's name is the width of general operands: MOV64mr, ADD8mi.
std::uint32_t bytes_by_name(StringRef name) {
  const StringRef digits = name.drop_while([](char c) { return !isDigit(c); }).take_while([](char c) { return isDigit(c); });
  unsigned bits = 0;
  return !digits.getAsInteger(10, bits) && (bits == 8 || bits == 16 || bits == 32 || bits == 64) ? bits / 8 : 0;
}

// Of vector stores and loads.
std::uint32_t vector_bytes(StringRef name) {
  name.consume_front("V");
  if (name.starts_with("MOVSS") || name.starts_with("MOVPDI2DI") || name.starts_with("MOVDI2PDI"))
    return 4;
  if (name.starts_with("MOVSD") || name.starts_with("MOVLP") || name.starts_with("MOVHP") || name.starts_with("MOVPQI2QI") ||
      name.starts_with("MOVQI2PQI"))
    return 8;
  if (!name.starts_with("MOVA") && !name.starts_with("MOVU") && !name.starts_with("MOVDQ") && !name.starts_with("MOVNT"))
    return 0;
  return name.contains("Z256") ? 32 : name.contains("Z128") ? 16 : name.contains("Z") ? 64 : name.contains("Y") ? 32 : 16;
}

what by_name(StringRef n) {
  n.consume_back("_REV");
  n.consume_back("_alt");
  if (n.starts_with("NOOP") || n == "ENDBR64" || n == "PAUSE" || n.starts_with("PREFETCH"))
    return what::nothing;
  if (n.starts_with("CMOV64r") || n == "AND64rr" || n == "OR64rr" || n == "AND64rm" || n == "OR64rm")
    return what::either;
  return StringSwitch<what>(n)
      .Case("MOV64rr", what::copy)
      .Case("MOV32rr", what::half)
      .Case("MOV64rm", what::load)
      .Cases({"MOV64mr", "MOV64mi32"}, what::store)
      .Cases({"PUSH64r", "PUSH64rmr", "PUSH64rmm", "PUSH64i8", "PUSH64i32", "PUSHF64"}, what::push)
      .Cases({"POP64r", "POP64rmr", "POP64rmm", "POPF64"}, what::pop)
      .Cases({"ADD64ri8", "ADD64ri32", "SUB64ri8", "SUB64ri32", "ADD64i32", "SUB64i32", "INC64r", "DEC64r"}, what::add)
      .Cases({"ADD64rr", "ADD64rm"}, what::sum)
      .Case("SUB64rr", what::difference)
      .Cases({"AND64ri8", "AND64ri32", "AND64i32"}, what::align)
      .Case("LEA64r", what::address)
      .Cases({"MOV64ri", "MOV64ri32", "MOV32ri"}, what::constant)
      .Cases({"XCHG64rr", "XCHG64ar"}, what::exchange)
      .Case("MOVSX64rm32", what::load_extended)
      .Case("LEAVE64", what::leave)
      .Default(what::other);
}

// Functions that return an address of the calling thread.
bool returns_thread_address(StringRef name) {
  return name.starts_with("_ZTW") || StringSwitch<bool>(name)
                                         .Cases({"__errno_location", "__h_errno_location", "__tls_get_addr", "__emutls_get_address"}, true)
                                         .Cases({"__cxa_get_globals", "__cxa_get_globals_fast", "__res_state"}, true)
                                         .Cases({"__ctype_b_loc", "__ctype_tolower_loc", "__ctype_toupper_loc"}, true)
                                         .Default(false);
}

// A word of the thread's control block, at or above the thread pointer; below it are the variables. The stack guard and the pointer guard
// are
// the same in every thread.
bool reads_thread_pointer(const memory_operand &m) {
  constexpr std::int64_t stack_guard = 0x28, pointer_guard = 0x30;
  return m.segment && m.base == no_register && m.index == no_register && !m.fixed_up && m.displacement >= 0 &&
         m.displacement != stack_guard && m.displacement != pointer_guard;
}

// Functions whose result is never a reference.
bool returns_plain_memory(StringRef name) {
  return name.starts_with("_Znw") || name.starts_with("_Zna") ||
         StringSwitch<bool>(name)
             .Cases({"malloc", "calloc", "realloc", "aligned_alloc", "__cxa_allocate_exception", "__cxa_begin_catch"}, true)
             .Default(false);
}

bool never_returns(StringRef name) {
  if (name.contains("__throw_") || name.starts_with("__cxa_throw") || name.starts_with("__cxa_bad_"))
    return true;
  if (name.starts_with("__asan_report_")) // of the sanitizers' reports those that end the program
    return !name.ends_with("_noabort");
  if (name.starts_with("__ubsan_handle_"))
    return name.ends_with("_abort") || name.ends_with("_builtin_unreachable") || name.ends_with("_missing_return");
  return StringSwitch<bool>(name)
      .Cases({"_Unwind_Resume", "__cxa_rethrow", "__clang_call_terminate", "_ZSt9terminatev", "__cxa_pure_virtual"}, true)
      .Cases({"abort", "exit", "_exit", "_Exit", "quick_exit", "__stack_chk_fail", "__assert_fail", "longjmp", "siglongjmp"}, true)
      .Default(false);
}

} // namespace

model::opcode model::classify(StringRef name) {
  opcode o;
  o.does = by_name(name);
  StringRef n = name;
  const bool vex = n.consume_front("V");
  for (const char *prefix : {"XOR", "SUB", "SBB", "PXOR", "PSUB", "PCMPEQ", "PCMPGT", "ANDNP", "PANDN", "KXOR", "KXNOR"})
    o.zeroes_with_itself |= n.starts_with(prefix);
  if (n.starts_with("PTERNLOG"))
    o.zeroes_with_itself = true;
  for (const char *prefix :
       {"CVTSI2S",  "CVTSI642S", "CVTUSI2S", "CVTUSI642S", "CVTSS2SD", "CVTSD2SS", "SQRTS",  "RCPS",    "RSQRTS", "ROUNDS", "RCP14S",
        "RSQRT14S", "RNDSCALES", "GETEXPS",  "GETMANTS",   "MOVHLPS",  "MOVLHPS",  "GATHER", "PGATHER", "POPCNT", "LZCNT",  "TZCNT"})
    o.passes_through |= n.starts_with(prefix);
  // The result's other part: what is inserted counts, what it is inserted into may be anything.
  o.passes_through |= n.starts_with("PINSR") || n.starts_with("INSERT");
  o.keeps_vectors = vex && n.starts_with("ZERO");
  o.computes_address = name.starts_with("LEA");
  o.reads_segment = name.starts_with("RDFSBASE") || name.starts_with("RDGSBASE");
  o.prefix = name == "LOCK_PREFIX" || name.starts_with("REP_PREFIX") || name.starts_with("REPNE_PREFIX");
  o.memory_bytes = vector_bytes(name);
  if (o.memory_bytes == 0 && !vex)
    o.memory_bytes = bytes_by_name(name);
  if (o.memory_bytes == 0)
    o.memory_bytes = StringSwitch<std::uint32_t>(name)
                         .StartsWith("SETCC", 1)
                         .StartsWith("ST_FP80", 10)
                         .StartsWith("STMXCSR", 4)
                         .StartsWith("VSTMXCSR", 4)
                         .StartsWith("KMOV", 8)
                         .Default(0);
  return o;
}

model::model(tools::disassembler &d) : d_(d) {
  classify_registers();
  classify_opcodes();
}

void model::classify_registers() {
  static constexpr const char *names[] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                          "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
  const MCRegisterInfo &info = d_.registers();
  registers_.resize(info.getNumRegs());
  const auto set_parts = [&](unsigned whole, kind is, unsigned number) {
    for (const MCPhysReg part : info.subregs_inclusive(whole)) {
      const StringRef name = info.getName(part);
      const bool byte = name.ends_with("L") || name.ends_with("H") || name.ends_with("B");
      const bool dword = name.starts_with("E") || name.ends_with("D");
      const unsigned bytes = part == whole ? 8 : byte ? 1 : dword ? 4 : 2;
      registers_[part] = {is, static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(bytes)};
    }
  };
  for (unsigned r = 1; r != info.getNumRegs(); ++r) {
    StringRef name = info.getName(r);
    unsigned number = 0;
    const auto numbered = [&](StringRef prefix) {
      StringRef rest = name;
      return rest.consume_front(prefix) && !rest.getAsInteger(10, number);
    };
    const auto *const named = llvm::find(names, name);
    if (named != std::end(names))
      set_parts(r, kind::general, static_cast<unsigned>(named - names));
    else if (numbered("R") && number >= 16)
      set_parts(r, kind::extended, number);
    else if (numbered("XMM") || numbered("YMM") || numbered("ZMM"))
      registers_[r] = {kind::vector, static_cast<std::uint8_t>(number),
                       static_cast<std::uint8_t>(name[0] == 'X'   ? 16
                                                 : name[0] == 'Y' ? 32
                                                                  : 64)};
    else if (numbered("K"))
      registers_[r] = {kind::mask, static_cast<std::uint8_t>(number), 8};
    else if (name == "EFLAGS")
      registers_[r] = {kind::flags, 0, 0};
    else if (name == "FS" || name == "GS")
      registers_[r] = {kind::segment, 0, 0};
    else if (name == "RIP")
      registers_[r] = {kind::instruction_pointer, 0, 8};
  }
}

void model::classify_opcodes() {
  const MCInstrInfo &info = d_.instructions();
  opcodes_.resize(info.getNumOpcodes());
  for (unsigned op = 0; op != info.getNumOpcodes(); ++op)
    opcodes_[op] = classify(info.getName(op));
}

void model::add(register_set &to, const reg &r) const {
  if (r.is == kind::general)
    to.general |= bit(r.number);
  else if (r.is == kind::vector)
    to.vector |= bit(r.number);
  else if (r.is == kind::mask)
    to.mask |= static_cast<std::uint8_t>(bit(r.number));
  else if (r.is == kind::flags)
    to.flags = true;
}

void model::read_memory_operand(const MCInst &i, unsigned first, operation &o) const {
  memory_operand &m = o.memory;
  m.present = true;
  const auto general_of = [&](const MCOperand &operand) -> std::uint8_t {
    if (!operand.isReg() || !operand.getReg())
      return no_register;
    const reg &r = registers_[operand.getReg()];
    if (r.is == kind::instruction_pointer)
      return rip;
    return r.is == kind::general ? r.number : std::uint8_t{no_register};
  };
  m.base = general_of(i.getOperand(first));
  m.scale = i.getOperand(first + 1).isImm() ? static_cast<std::uint8_t>(i.getOperand(first + 1).getImm()) : 1;
  m.index = general_of(i.getOperand(first + 2));
  m.displacement = i.getOperand(first + 3).isImm() ? i.getOperand(first + 3).getImm() : 0;
  m.segment = i.getOperand(first + 4).isReg() && i.getOperand(first + 4).getReg().isValid() &&
              registers_[i.getOperand(first + 4).getReg()].is == kind::segment;
  for (const unsigned n : {first, first + 2})
    if (i.getOperand(n).isReg() && i.getOperand(n).getReg())
      add(o.reads, registers_[i.getOperand(n).getReg()]);
}

void model::read_operands(const MCInst &i, operation &o) const {
  const MCInstrDesc &desc = d_.instructions().get(i.getOpcode());
  const opcode &op = opcodes_[i.getOpcode()];
  const unsigned count = std::min<unsigned>(desc.getNumOperands(), i.getNumOperands());
  bool passed = !op.passes_through;
  std::uint32_t vector_width = 0;
  for (unsigned n = 0; n < count; ++n) {
    const bool memory = desc.operands()[n].OperandType == MCOI::OPERAND_MEMORY || (op.computes_address && n == 1);
    if (memory && n + memory_operands <= count) {
      read_memory_operand(i, n, o);
      n += memory_operands - 1;
      continue;
    }
    const MCOperand &operand = i.getOperand(n);
    if (operand.isImm())
      o.immediate = operand.getImm();
    if (!operand.isReg() || !operand.getReg())
      continue;
    const reg &r = registers_[operand.getReg()];
    if (n < desc.getNumDefs()) {
      add(o.writes, r);
      if (n == 0 && r.is == kind::general) {
        o.dest = r.number;
        o.dest_bytes = r.bytes;
      }
      continue;
    }
    if (!passed && r.is == kind::vector) {
      passed = true;
      continue;
    }
    add(o.values, r);
    if (r.is == kind::general && r.bytes < 8)
      o.narrow |= bit(r.number);
    if (r.is == kind::vector && o.memory_bytes == 0)
      vector_width = std::max<std::uint32_t>(vector_width, r.bytes);
    if (r.is == kind::general && r.bytes == 8 && (desc.getOperandConstraint(n, MCOI::TIED_TO) == -1 || desc.getNumDefs() == 0))
      o.source = r.number;
  }
  if (o.memory_bytes == 0)
    o.memory_bytes = vector_width;
  for (const MCPhysReg r : desc.implicit_uses())
    add(o.values, registers_[r]);
  for (const MCPhysReg r : desc.implicit_defs()) {
    add(o.writes, registers_[r]);
  }
}

// What LLVM's description leaves open.
void model::refine(const MCInst &i, operation &o) const {
  constexpr unsigned repeated = 4 | 8; // REPNE, REP: flags of MCInst
  const StringRef name = d_.instructions().getName(i.getOpcode());
  const opcode &op = opcodes_[i.getOpcode()];
  if ((i.getFlags() & repeated) != 0 &&
      (name.starts_with("MOVS") || name.starts_with("STOS") || name.starts_with("CMPS") || name.starts_with("SCAS") ||
       name.starts_with("LODS")) &&
      !o.memory.present) {
    o.values.general |= bit(rcx);
    o.writes.general |= bit(rcx);
  }
  // Forms with an immediate that know no register but a part of RAX: XOR8i8, ADD64i32.
  if (o.dest == no_register && o.writes.general == bit(rax) && o.immediate &&
      (name.ends_with("i8") || name.ends_with("i16") || name.ends_with("i32"))) {
    o.dest = rax;
    o.dest_bytes = static_cast<std::uint8_t>(bytes_by_name(name));
  }
  if (o.does == what::add && (name.starts_with("SUB") || name.starts_with("DEC")))
    o.immediate = name.starts_with("DEC") ? -1 : -o.immediate.value_or(0);
  else if (o.does == what::add && name.starts_with("INC"))
    o.immediate = 1;
  const auto sources = [&] { return popcount(o.values.general) + popcount(o.values.vector) + popcount(unsigned{o.values.mask}); };
  if (op.zeroes_with_itself && !o.memory.present && sources() <= 1 && i.getNumOperands() >= 3 && i.getOperand(1).isReg() &&
      i.getOperand(2).isReg() && i.getOperand(1).getReg() == i.getOperand(2).getReg()) {
    const bool borrow = name.starts_with("SBB");
    o.values = {};
    o.values.flags = borrow;
    if (!borrow && o.dest != no_register && o.dest_bytes >= 4) {
      o.does = what::constant;
      o.immediate = 0;
    }
  }
  const bool all_ones = name.starts_with("OR") && o.immediate == -1, none = name.starts_with("AND") && o.immediate == 0;
  if ((all_ones || none) && !o.memory.present && o.dest_bytes >= 4) {
    o.values = {};
    o.does = what::constant;
    o.immediate = all_ones ? -1 : 0;
  }
  if (o.does == what::exchange) {
    const reg &second = registers_[i.getOperand(1).getReg()];
    o.source = name.starts_with("XCHG64ar") ? std::uint8_t{rax} : second.number;
  }
  if (op.computes_address && o.does == what::other) { // of half a register: a computation, no access
    o.values = o.reads;
    o.memory = {};
  }
  if (o.does == what::nothing)
    o.reads = o.values = o.writes = {};
  if (o.does == what::push)
    o.values = {}; // a copy into a word, wanted if that is
  o.thread = op.reads_segment;
  if (op.keeps_vectors)
    o.writes.vector = o.values.vector = 0;
}

// The addresses that the instruction's relocations, or its distances, stand for.
void model::resolve(const tools::image &file, std::uint64_t address, unsigned size, operation &o) {
  const auto first = llvm::lower_bound(file.fixups, address, [](const tools::fixup &f, std::uint64_t a) { return f.address < a; });
  const bool flow = o.does == what::call || o.does == what::jump || o.does == what::branch;
  for (auto f = first; f != file.fixups.end() && f->address < address + size; ++f) {
    if (flow && !o.memory.present) {
      o.target = f->value;
      o.callee = f->symbol;
      return;
    }
    o.memory.fixed_up = true;
    o.descriptor_call = o.does == what::call && f->type == ELF::R_X86_64_TLSDESC_CALL;
    const bool plain = f->type == ELF::R_X86_64_PC32 || f->type == ELF::R_X86_64_PLT32 || f->type == ELF::R_X86_64_32S ||
                       f->type == ELF::R_X86_64_32 || f->type == ELF::R_X86_64_64;
    if (plain)
      o.memory.target = f->value;
    else
      o.callee = f->symbol; // through the GOT
    if (o.does == what::constant)
      o.immediate.reset(); // an address
    // The field's distance counts from the field in front of an immediate.
    if (f->type == ELF::R_X86_64_PC32 && o.memory.target)
      *o.memory.target += address + size - (f->address + 4);
    return;
  }
  if (flow && o.target) {
    const auto stub = file.imports.find(*o.target);
    const tools::symbol *const s = file.symbol_at(*o.target);
    o.callee = stub != file.imports.end() ? stub->second : s != nullptr ? s->name : std::string();
  }
  if (o.memory.present && o.memory.base == rip)
    o.memory.target = address + size + o.memory.displacement;
  if ((o.does == what::call || o.does == what::load) && o.memory.target)
    if (const auto word = file.imports.find(*o.memory.target); word != file.imports.end())
      o.callee = word->second;
  if (o.memory.present && o.memory.base == no_register && !o.memory.segment && o.memory.displacement > 0)
    o.memory.target = o.memory.displacement;
}

void name_callee(operation &call, std::string name) {
  call.thread |= returns_thread_address(name);
  call.no_return = never_returns(name);
  call.allocates = returns_plain_memory(name);
  call.callee = std::move(name);
}

unsigned model::decode(const tools::image &file, ArrayRef<std::uint8_t> bytes, std::uint64_t address, operation &into) const {
  MCInst i;
  const unsigned size = d_.decode_instruction(bytes, address, i);
  into = {};
  if (size == 0)
    return 0;
  const MCInstrDesc &desc = d_.instructions().get(i.getOpcode());
  const opcode &op = opcodes_[i.getOpcode()];
  into.does = op.does;
  into.prefix = op.prefix;
  into.loads = desc.mayLoad();
  into.stores = desc.mayStore();
  into.memory_bytes = op.memory_bytes;
  read_operands(i, into);
  const StringRef name = d_.instructions().getName(i.getOpcode());
  if (desc.isCall()) {
    into.does = what::call;
    into.indirect = into.memory.present || into.source != no_register;
  } else if (desc.isReturn() || name.starts_with("UD") || name == "TRAP" || name == "HLT" || name == "INT3") {
    into.does = what::leaves;
    into.returns = desc.isReturn();
    into.trap = !desc.isReturn();
  } else if (desc.isConditionalBranch() || name.starts_with("LOOP") || name == "JRCXZ" || name == "JECXZ") {
    into.does = what::branch;
  } else if (desc.isBranch()) {
    into.does = what::jump;
    into.indirect = desc.isIndirectBranch();
  }
  if ((into.does == what::call || into.does == what::jump || into.does == what::branch) && !into.indirect && i.getOperand(0).isImm())
    into.target = address + size + i.getOperand(0).getImm();
  refine(i, into);
  into.reads |= into.values;
  resolve(file, address, size, into);
  into.thread |= into.descriptor_call || (into.loads && into.memory.present && reads_thread_pointer(into.memory));
  if (into.does == what::call)
    name_callee(into, std::move(into.callee));
  return size;
}

} // namespace stillpoint::verify
