// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See unwind.h. LLVM's parser makes rows (from this address on the CFA is there, the registers are there) of every function description;
// they are kept in one list by address.
#include "unwind.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/DebugInfo/DWARF/DWARFDataExtractor.h"
#include "llvm/DebugInfo/DWARF/DWARFDebugFrame.h"
#include "llvm/DebugInfo/DWARF/LowLevel/DWARFUnwindTable.h"
#include "llvm/Support/FormatVariadic.h"

#include <tuple>

namespace stillpoint::tools {

using namespace llvm;

namespace {

// DWARF's register numbers of x86-64.
constexpr unsigned dwarf_rsp = 7;
constexpr unsigned dwarf_rbp = 6;
constexpr unsigned dwarf_saved[abi::saved_register_count] = {6, 15, 14, 13, 12, 3};
constexpr const char *saved_names[abi::saved_register_count] = {"rbp", "r15", "r14", "r13", "r12", "rbx"};

struct row {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool comparable = false; // the CFA is a register plus an offset
  unsigned cfa_register = 0;
  std::int64_t cfa_offset = 0;
  std::int64_t slot[abi::saved_register_count] = {}; // bytes below the CFA; 0: not saved
};

row make_row(const dwarf::UnwindRow &from, std::uint64_t end) {
  row r;
  r.begin = from.getAddress();
  r.end = end;
  const dwarf::UnwindLocation &cfa = from.getCFAValue();
  r.comparable = cfa.getLocation() == dwarf::UnwindLocation::RegPlusOffset && !cfa.getDereference();
  if (!r.comparable)
    return r;
  r.cfa_register = cfa.getRegister();
  r.cfa_offset = cfa.getOffset();
  for (unsigned reg = 0; reg != abi::saved_register_count; ++reg) {
    const auto where = from.getRegisterLocations().getRegisterLocation(dwarf_saved[reg]);
    if (where && where->getLocation() == dwarf::UnwindLocation::CFAPlusOffset && where->getDereference())
      r.slot[reg] = -std::int64_t{where->getOffset()};
  }
  return r;
}

} // namespace

struct unwind_info::rows {
  std::vector<row> by_address;
  std::vector<exceptions> functions; // by address
};

// DW_CFA_GNU_args_size along the addresses of one description.
static std::vector<std::pair<std::uint64_t, std::int64_t>> dropped_arguments(const dwarf::FDE &fde) {
  std::vector<std::pair<std::uint64_t, std::int64_t>> found;
  const dwarf::CFIProgram &program = fde.cfis();
  std::uint64_t at = fde.getInitialLocation();
  for (const dwarf::CFIProgram::Instruction &i : program) {
    const std::uint64_t operand = i.Ops.empty() ? 0 : i.Ops[0];
    switch (i.Opcode) {
    case dwarf::DW_CFA_advance_loc:
    case dwarf::DW_CFA_advance_loc1:
    case dwarf::DW_CFA_advance_loc2:
    case dwarf::DW_CFA_advance_loc4:
      at += operand * program.codeAlign();
      break;
    case dwarf::DW_CFA_GNU_args_size:
      found.emplace_back(at, static_cast<std::int64_t>(operand));
      break;
    default:
      break;
    }
  }
  return found;
}

unwind_info::unwind_info(const section &eh_frame) : all_(std::make_unique<rows>()) {
  const StringRef bytes = toStringRef(eh_frame.contents);
  if (bytes.empty())
    return;
  DWARFDebugFrame frames(Triple::x86_64, /*IsEH=*/true, eh_frame.address);
  if (Error e = frames.parse(DWARFDataExtractor(bytes, /*IsLittleEndian=*/true, /*AddressSize=*/8))) {
    consumeError(std::move(e));
    return;
  }
  for (const dwarf::FrameEntry &entry : frames) {
    const auto *fde = dyn_cast<dwarf::FDE>(&entry);
    if (fde == nullptr || fde->getLinkedCIE() == nullptr)
      continue;
    Expected<dwarf::UnwindTable> table = dwarf::createUnwindTable(fde);
    if (!table) {
      consumeError(table.takeError());
      continue;
    }
    const std::uint64_t end = fde->getInitialLocation() + fde->getAddressRange();
    all_->functions.push_back({fde->getInitialLocation(), end, fde->getLSDAAddress().value_or(0), dropped_arguments(*fde)});
    for (std::size_t i = 0; i != table->size(); ++i)
      if ((*table)[i].hasAddress())
        all_->by_address.push_back(make_row((*table)[i], i + 1 < table->size() ? (*table)[i + 1].getAddress() : end));
  }
  llvm::sort(all_->functions, [](const exceptions &a, const exceptions &b) { return a.begin < b.begin; });
  llvm::sort(all_->by_address, [](const row &a, const row &b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
}

unwind_info::~unwind_info() = default;

std::int64_t unwind_info::exceptions::dropped_at(std::uint64_t address) const {
  std::int64_t bytes = 0;
  for (const auto &[from, count] : dropped)
    bytes = from <= address ? count : bytes;
  return bytes;
}

const unwind_info::exceptions *unwind_info::exceptions_around(std::uint64_t address) const {
  const auto after = llvm::upper_bound(all_->functions, address, [](std::uint64_t a, const exceptions &e) { return a < e.begin; });
  if (after == all_->functions.begin() || address >= std::prev(after)->end)
    return nullptr;
  return &*std::prev(after);
}

std::string unwind_info::difference(std::uint64_t address, const map::frame_rule &frame, bool whole) const {
  const auto after = llvm::upper_bound(all_->by_address, address, [](std::uint64_t a, const row &r) { return a < r.begin; });
  if (after == all_->by_address.begin())
    return {};
  const row &r = *std::prev(after);
  if (address >= r.end || !r.comparable)
    return {};
  const bool says_rbp = r.cfa_register == dwarf_rbp;
  if (!says_rbp && r.cfa_register != dwarf_rsp)
    return {};
  // A frame that the table counts from RSP while .eh_frame already counts from RBP cannot be compared.
  if (frame.cfa_is_rbp && !says_rbp)
    return formatv("cfa=rbp+{0}, but rsp+{1} in .eh_frame", frame.cfa_offset, r.cfa_offset).str();
  if (frame.cfa_is_rbp == says_rbp && static_cast<std::int64_t>(frame.cfa_offset) != r.cfa_offset)
    return formatv("cfa={0}+{1}, but {0}+{2} in .eh_frame", says_rbp ? "rbp" : "rsp", frame.cfa_offset, r.cfa_offset).str();
  for (unsigned reg = 0; reg != abi::saved_register_count; ++reg) {
    const bool ours = (frame.saved >> reg & 1) != 0;
    const bool theirs = r.slot[reg] != 0;
    if (ours && theirs && static_cast<std::int64_t>(frame.slot[reg]) != r.slot[reg])
      return formatv("{0} is saved {1} bytes below the CFA, but {2} in .eh_frame", saved_names[reg], frame.slot[reg], r.slot[reg]).str();
    // The saves are told of behind the whole prologue, when the next row begins.
    const bool next_says =
        after != all_->by_address.end() && after->begin == r.end && after->slot[reg] == static_cast<std::int64_t>(frame.slot[reg]);
    if (whole && ours != theirs && !(ours && next_says))
      return formatv("{0} is {1}", saved_names[reg], ours ? "saved here, but not in .eh_frame" : "not saved here, but is in .eh_frame")
          .str();
  }
  return {};
}

} // namespace stillpoint::tools
