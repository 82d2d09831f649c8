// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loading: see image.h. Steps, for each ELF file: 1. give every section an address, 2. collect code, symbols and fixups, 3. find the record
// sections and pair each with the maps it points to.
#include "image.h"
#include "copies.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"

#include <map>
#include <tuple>

namespace stillpoint::tools {

using namespace llvm;
using namespace llvm::object;

namespace {

template <typename... Args>
Error failure(const char *format, Args &&...args) {
  return createStringError(inconvertibleErrorCode(), formatv(format, std::forward<Args>(args)...).str());
}

constexpr StringLiteral records_name = STILLPOINT_RECORDS_SECTION;
constexpr StringLiteral maps_name = STILLPOINT_MAPS_SECTION;
constexpr StringLiteral versioned_prefix = "stillpoint_records_v";

// Marks a member of an archive that has no tables: no error there.
struct no_tables : ErrorInfo<no_tables> {
  static char ID;
  std::string message;
  explicit no_tables(std::string text) : message(std::move(text)) {}
  void log(raw_ostream &os) const override { os << message; }
  std::error_code convertToErrorCode() const override { return inconvertibleErrorCode(); }
};
char no_tables::ID;

class elf_loader {
public:
  elf_loader(image &into, const ELF64LEObjectFile &from) : img_(into), elf_(from) {}
  Error run();

private:
  Error place_sections();
  Error collect_section(const ELFSectionRef &s);
  Error collect_symbols();
  void collect_fixups(const SectionRef &relocations, const section &of);
  Error collect_tables();
  Error pair_table(const section &records, const std::vector<section> &maps);
  Expected<section> section_of(const ELFSectionRef &s);
  Error apply(const ELFRelocationRef &r, const section &s, std::vector<std::uint8_t> &bytes, bool strict);
  void collect_pointers();
  void collect_dynamic_pointers(const SectionRef &relocations);
  Expected<ArrayRef<std::uint8_t>> relocated(const section &s, const ELFSectionRef &of, bool strict);
  Expected<std::uint64_t> symbol_address(const ELFSymbolRef &s) const;
  Error missing_tables() const;

  image &img_;
  const ELF64LEObjectFile &elf_;
  std::map<std::uint64_t, std::uint64_t> placed_; // section index -> address, in a relocatable file
  std::vector<section> records_, maps_, copies_;
};

Error elf_loader::run() {
  img_.relocatable = elf_.isRelocatableObject();
  if (elf_.section_begin() == elf_.section_end())
    return failure("{0}: the file has no section headers, so its tables cannot be found", img_.name);
  if (Error e = place_sections())
    return e;
  for (const SectionRef &s : elf_.sections())
    if (Error e = collect_section(s))
      return e;
  if (records_.empty())
    return missing_tables();
  llvm::sort(img_.code, [](const section &a, const section &b) { return a.address < b.address; });
  if (Error e = collect_symbols())
    return e;
  for (const SectionRef &s : elf_.sections()) {
    Expected<section_iterator> target = s.getRelocatedSection();
    if (!target)
      return target.takeError();
    if (!img_.relocatable || *target == elf_.section_end())
      continue;
    Expected<section> of = section_of(**target);
    if (!of)
      return of.takeError();
    if (img_.code_at(of->address) != nullptr)
      collect_fixups(s, *of);
  }
  llvm::sort(img_.fixups, [](const fixup &a, const fixup &b) { return a.address < b.address; });
  collect_pointers();
  return collect_tables();
}

// 1.
Error elf_loader::place_sections() {
  constexpr std::uint64_t first = 0x100000;
  std::uint64_t next = first;
  for (const SectionRef &s : elf_.sections()) {
    if (!img_.relocatable || (ELFSectionRef(s).getFlags() & ELF::SHF_ALLOC) == 0)
      continue;
    // Not SectionRef's alignment: a damaged file's may be no power of two.
    next = alignTo(next, std::max<std::uint64_t>(elf_.getSection(s.getRawDataRefImpl())->sh_addralign, 1));
    placed_[s.getIndex()] = next;
    next += s.getSize() + 1; // what ends here is not what begins behind it
  }
  return Error::success();
}

Expected<section> elf_loader::section_of(const ELFSectionRef &s) {
  section result;
  Expected<StringRef> name = s.getName();
  if (!name)
    return name.takeError();
  result.name = name->str();
  const auto place = placed_.find(s.getIndex());
  result.address = place == placed_.end() ? s.getAddress() : place->second;
  result.bias = img_.relocatable ? result.address : 0;
  if (s.getType() == ELF::SHT_NOBITS)
    return result;
  Expected<StringRef> contents = s.getContents();
  if (!contents)
    return failure("{0}: section {1}: {2}", img_.name, result.name, toString(contents.takeError()));
  result.contents = arrayRefFromStringRef(*contents);
  return result;
}

// 2.
Error elf_loader::collect_section(const ELFSectionRef &s) {
  Expected<section> got = section_of(s);
  if (!got)
    return got.takeError();
  const bool ours = got->name == records_name || got->name == maps_name || got->name == STILLPOINT_COPIES_SECTION;
  if (ours && s.getType() == ELF::SHT_NOBITS)
    return failure("{0}: section {1} has no bytes in this file (separate debug information?)", img_.name, got->name);
  if ((s.getFlags() & ELF::SHF_ALLOC) == 0)
    return Error::success();
  if ((s.getFlags() & ELF::SHF_EXECINSTR) != 0) {
    img_.text_bytes += s.getSize();
    img_.code.push_back(*got);
  }
  const bool unwind = got->name == ".eh_frame";
  if (!ours && !unwind && ((s.getFlags() & ELF::SHF_EXECINSTR) != 0 || s.getType() == ELF::SHT_NOBITS))
    return Error::success();
  Expected<ArrayRef<std::uint8_t>> contents = relocated(*got, s, ours);
  if (!contents)
    return contents.takeError();
  got->contents = *contents;
  if (unwind) {
    img_.eh_frame_bytes += s.getSize();
    img_.eh_frame = *got;
  } else if (got->name == records_name) {
    img_.records_bytes += s.getSize();
    records_.push_back(*got);
  } else if (got->name == STILLPOINT_COPIES_SECTION) {
    img_.copies_bytes += s.getSize();
    copies_.push_back(*got);
  } else if (ours) {
    img_.maps_bytes += s.getSize();
    maps_.push_back(*got);
  } else {
    img_.data.push_back(*got);
  }
  return Error::success();
}

Expected<std::uint64_t> elf_loader::symbol_address(const ELFSymbolRef &s) const {
  Expected<std::uint64_t> value = s.getValue();
  if (!value || !img_.relocatable)
    return value;
  Expected<section_iterator> in = s.getSection();
  if (!in)
    return in.takeError();
  if (*in == elf_.section_end())
    return failure("undefined symbol");
  const auto place = placed_.find((*in)->getIndex());
  return place == placed_.end() ? *value : place->second + *value;
}

// Patches one field of the section's copy. The tables (`strict`) use one kind of relocation only.
Error elf_loader::apply(const ELFRelocationRef &r, const section &s, std::vector<std::uint8_t> &bytes, bool strict) {
  const std::uint64_t type = r.getType(), offset = r.getOffset();
  const bool relative = type == ELF::R_X86_64_PC32 || (!strict && type == ELF::R_X86_64_PLT32);
  const bool absolute = !strict && (type == ELF::R_X86_64_64 || type == ELF::R_X86_64_32 || type == ELF::R_X86_64_32S);
  const std::size_t width = type == ELF::R_X86_64_64 ? 8 : 4;
  const symbol_iterator target = r.getSymbol();
  const bool fits = bytes.size() >= width && offset <= bytes.size() - width;
  if ((!relative && !absolute) || !fits || target == elf_.symbol_end())
    return failure("{0}: corrupt table: relocation of {1}+{2:x} cannot be applied", img_.name, s.name, offset);
  Expected<std::int64_t> addend = r.getAddend();
  Expected<std::uint64_t> value = symbol_address(*target);
  if (!addend || !value)
    return joinErrors(failure("{0}: corrupt table: relocation of {1}+{2:x}", img_.name, s.name, offset),
                      joinErrors(addend.takeError(), value.takeError()));
  const std::uint64_t result = *value + *addend - (relative ? s.address + offset : 0);
  if (width == 8)
    support::endian::write64le(bytes.data() + offset, result);
  else
    support::endian::write32le(bytes.data() + offset, static_cast<std::uint32_t>(result));
  return Error::success();
}

// The section's bytes, in a relocatable file with the relocations applied. `strict`: a relocation that cannot be applied is an error.
Expected<ArrayRef<std::uint8_t>> elf_loader::relocated(const section &s, const ELFSectionRef &of, bool strict) {
  if (!img_.relocatable)
    return s.contents;
  img_.patched.push_back(std::make_unique<std::vector<std::uint8_t>>(s.contents.begin(), s.contents.end()));
  std::vector<std::uint8_t> &bytes = *img_.patched.back();
  for (const SectionRef &relocations : elf_.sections()) {
    Expected<section_iterator> target = relocations.getRelocatedSection();
    if (!target)
      return target.takeError();
    if (*target == elf_.section_end() || **target != of)
      continue;
    for (const ELFRelocationRef r : relocations.relocations())
      if (Error e = apply(r, s, bytes, strict)) {
        if (strict)
          return std::move(e);
        consumeError(std::move(e));
      }
  }
  return ArrayRef<std::uint8_t>(bytes);
}

// Of several names for one address: functions before others, global before weak before local.
int rank(const symbol &s, std::uint8_t binding) {
  const int by_binding = binding == ELF::STB_GLOBAL ? 0 : binding == ELF::STB_WEAK ? 1 : 2;
  return (s.function ? 0 : 3) + by_binding;
}

Error elf_loader::collect_symbols() {
  std::vector<std::pair<int, symbol>> found;
  const auto collect = [&](const ELFSymbolRef &s) -> Error {
    const std::uint8_t type = s.getELFType();
    if (type != ELF::STT_FUNC && type != ELF::STT_GNU_IFUNC && type != ELF::STT_OBJECT && type != ELF::STT_NOTYPE)
      return Error::success();
    Expected<std::uint32_t> flags = s.getFlags();
    Expected<StringRef> name = s.getName();
    if (!flags || !name)
      return joinErrors(flags.takeError(), name.takeError());
    if (name->empty() || (*flags & (SymbolRef::SF_Undefined | SymbolRef::SF_Absolute | SymbolRef::SF_Common)) != 0)
      return Error::success();
    Expected<std::uint64_t> address = symbol_address(s);
    if (!address)
      return address.takeError();
    symbol sym{*address, s.getSize(), type == ELF::STT_FUNC || type == ELF::STT_GNU_IFUNC, name->str()};
    const int order = rank(sym, s.getBinding());
    found.emplace_back(order, std::move(sym));
    return Error::success();
  };
  for (const ELFSymbolRef s : elf_.symbols()) {
    img_.has_symbols = true;
    if (Error e = collect(s))
      return e;
  }
  if (!img_.has_symbols)
    for (const ELFSymbolRef s : elf_.getDynamicSymbolIterators())
      if (Error e = collect(s))
        return e;
  llvm::sort(found, [](const auto &a, const auto &b) {
    return std::tie(a.second.address, a.first, a.second.name) < std::tie(b.second.address, b.first, b.second.name);
  });
  for (auto &entry : found)
    img_.symbols.push_back(std::move(entry.second));
  return Error::success();
}

void elf_loader::collect_fixups(const SectionRef &relocations, const section &of) {
  for (const ELFRelocationRef r : relocations.relocations()) {
    const symbol_iterator target = r.getSymbol();
    if (target == elf_.symbol_end())
      continue;
    Expected<StringRef> name = target->getName();
    Expected<std::int64_t> addend = r.getAddend();
    if (!name || !addend) {
      consumeError(name.takeError());
      consumeError(addend.takeError());
      continue;
    }
    // The addend of a PC-relative field counts from the field; what is meant counts from the instruction's end.
    const bool relative = is_contained({ELF::R_X86_64_PC32, ELF::R_X86_64_PLT32, ELF::R_X86_64_GOTPCREL, ELF::R_X86_64_GOTPCRELX,
                                        ELF::R_X86_64_REX_GOTPCRELX, ELF::R_X86_64_GOTTPOFF, ELF::R_X86_64_TLSGD, ELF::R_X86_64_TLSLD},
                                       r.getType());
    const std::int64_t offset = *addend + (relative ? 4 : 0);
    fixup found{of.address + r.getOffset(), static_cast<std::uint32_t>(r.getType()), name->empty() ? "?" : name->str(), name->str(), {}};
    if (offset != 0)
      found.target += formatv("{0}{1:x}", offset < 0 ? "-" : "+", offset < 0 ? -offset : offset).str();
    if (Expected<std::uint64_t> value = symbol_address(*target))
      found.value = *value + offset;
    else
      consumeError(value.takeError());
    img_.fixups.push_back(std::move(found));
  }
}

// Position-independent files have their pointers in relocations, not in the words.
void elf_loader::collect_dynamic_pointers(const SectionRef &relocations) {
  for (const ELFRelocationRef r : relocations.relocations()) {
    Expected<std::int64_t> addend = r.getAddend();
    if (!addend)
      consumeError(addend.takeError());
    else if (r.getType() == ELF::R_X86_64_RELATIVE && img_.code_at(*addend) != nullptr)
      img_.code_pointers.push_back(*addend);
  }
}

void elf_loader::collect_pointers() {
  llvm::sort(img_.data, [](const section &a, const section &b) { return a.address < b.address; });
  for (const section &s : img_.data)
    for (std::size_t at = alignTo(s.address, 8) - s.address; at + 8 <= s.contents.size(); at += 8)
      if (const std::uint64_t word = support::endian::read64le(s.contents.data() + at); img_.code_at(word) != nullptr)
        img_.code_pointers.push_back(word);
  for (const SectionRef &s : elf_.sections())
    if (!img_.relocatable && ELFSectionRef(s).getType() == ELF::SHT_RELA)
      collect_dynamic_pointers(s);
  llvm::sort(img_.code_pointers);
  img_.code_pointers.erase(llvm::unique(img_.code_pointers), img_.code_pointers.end());
}

// 3.
Error elf_loader::missing_tables() const {
  for (const SectionRef &s : elf_.sections()) {
    Expected<StringRef> name = s.getName();
    if (!name)
      return name.takeError();
    if (name->starts_with(versioned_prefix))
      return failure("{0}: the tables (section {1}) are of another version than this tool reads ({2}); use the tools of the "
                     "Stillpoint that compiled the file",
                     img_.name, *name, records_name);
  }
  return make_error<no_tables>(
      formatv("{0}: no Stillpoint tables (section {1} is missing): was it compiled with -fplugin=stillpoint-plugin.so?", img_.name,
              records_name)
          .str());
}

Error elf_loader::collect_tables() {
  for (const section &r : records_) {
    if (r.contents.size() % sizeof(abi::record) != 0)
      return failure("{0}: truncated table: section {1} has {2} bytes, which is no multiple of a record's {3}", img_.name, r.name,
                     r.contents.size(), sizeof(abi::record));
    if (Error e = pair_table(r, maps_))
      return e;
  }
  return Error::success();
}

// Finds the maps section by the first record that has a map there.
Error elf_loader::pair_table(const section &r, const std::vector<section> &all_maps) {
  table t;
  t.name = r.name;
  t.view.records = {r.contents.data(), r.contents.size(), r.address};
  for (std::size_t i = 0; i != t.view.record_count(); ++i) {
    const std::optional<std::uint64_t> first_map = map_address(t, i);
    if (!first_map)
      continue;
    const auto *m = llvm::find_if(all_maps, [&](const section &s) { return s.contains(*first_map); }).base();
    if (m == all_maps.data() + all_maps.size())
      return failure("{0}: corrupt table: record {1} of section {2} points to a map at {3:x}, which is in no section {4}", img_.name, i,
                     r.name, *first_map, maps_name);
    t.view.maps = {m->contents.data(), m->contents.size(), m->address};
    t.maps_bias = m->bias;
    break;
  }
  t.view.copies = copies_of(t.view.maps, copies_);
  if (!r.contents.empty())
    img_.tables.push_back(t);
  return Error::success();
}

void collect_imports(image &img, const ELF64LEObjectFile &elf, const MCSubtargetInfo &features) {
  if (img.relocatable)
    return;
  for (const ELFPltEntry &entry : elf.getPltEntries(features)) {
    if (!entry.Symbol)
      continue;
    if (Expected<StringRef> name = SymbolRef(*entry.Symbol, &elf).getName())
      img.imports[entry.Address] = name->str();
    else
      consumeError(name.takeError());
  }
  for (const ELFSectionRef s : elf.sections())
    for (const ELFRelocationRef r : s.relocations()) {
      const symbol_iterator target = r.getSymbol();
      if ((r.getType() != ELF::R_X86_64_GLOB_DAT && r.getType() != ELF::R_X86_64_JUMP_SLOT) || target == elf.symbol_end())
        continue;
      if (Expected<StringRef> name = target->getName())
        img.imports[r.getOffset()] = name->str();
      else
        consumeError(name.takeError());
    }
}

Error load_elf(loaded_file &file, std::unique_ptr<Binary> binary, std::string name, const MCSubtargetInfo *features) {
  const auto *elf = dyn_cast<ELF64LEObjectFile>(binary.get());
  if (elf == nullptr || elf->getArch() != Triple::x86_64) {
    const auto *object = dyn_cast<ObjectFile>(binary.get());
    return failure("{0}: made for {1}; Stillpoint's tables exist for x86-64 ELF files only", name,
                   object != nullptr ? object->getFileFormatName() : StringRef("another machine"));
  }
  auto img = std::make_unique<image>();
  img->name = std::move(name);
  if (Error e = elf_loader(*img, *elf).run())
    return e;
  if (features != nullptr)
    collect_imports(*img, *elf, *features);
  file.images.push_back(std::move(img));
  file.binaries.push_back(std::move(binary));
  return Error::success();
}

// Members without tables, and those that are no objects, are passed over.
Error load_archive(loaded_file &file, std::unique_ptr<Binary> binary, StringRef path, const MCSubtargetInfo *features) {
  const auto &archive = cast<Archive>(*binary);
  Error walk = Error::success();
  for (const Archive::Child &child : archive.children(walk)) {
    Expected<StringRef> name = child.getName();
    if (!name)
      return joinErrors(std::move(walk), name.takeError());
    Expected<std::unique_ptr<Binary>> member = child.getAsBinary();
    if (!member) {
      consumeError(member.takeError());
      continue;
    }
    Error e = load_elf(file, std::move(*member), formatv("{0}({1})", path, *name).str(), features);
    if (Error other = handleErrors(std::move(e), [](const no_tables &) {}))
      return joinErrors(std::move(walk), std::move(other));
  }
  if (walk)
    return failure("{0}: not a readable archive: {1}", path, toString(std::move(walk)));
  file.binaries.push_back(std::move(binary));
  if (file.images.empty())
    return failure("{0}: no member of the archive has Stillpoint tables (section {1})", path, records_name);
  return Error::success();
}

} // namespace

std::optional<std::uint64_t> map_address(const table &t, std::size_t record) {
  const std::uint64_t offset = record * sizeof(abi::record) + offsetof(abi::record, map);
  const std::uint32_t field = support::endian::read32le(t.view.records.data + offset);
  if (abi::is_inline_map(field))
    return std::nullopt;
  return t.view.records.address + offset + static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(field)});
}

static const section *section_at(const std::vector<section> &sections, std::uint64_t address) {
  const auto after = llvm::upper_bound(sections, address, [](std::uint64_t a, const section &s) { return a < s.address; });
  if (after == sections.begin())
    return nullptr;
  return std::prev(after)->contains(address) ? &*std::prev(after) : nullptr;
}

const section *image::code_at(std::uint64_t address) const { return section_at(code, address); }

const section *image::data_at(std::uint64_t address) const { return section_at(data, address); }

const symbol *image::symbol_at(std::uint64_t address) const {
  const auto at = llvm::lower_bound(symbols, address, [](const symbol &s, std::uint64_t a) { return s.address < a; });
  return at != symbols.end() && at->address == address ? &*at : nullptr;
}

const symbol *image::symbol_around(std::uint64_t address) const {
  const auto after = llvm::upper_bound(symbols, address, [](std::uint64_t a, const symbol &s) { return a < s.address; });
  if (after == symbols.begin())
    return nullptr;
  const symbol *best = symbol_at(std::prev(after)->address);
  return address == best->address || address - best->address < best->size ? best : nullptr;
}

Expected<loaded_file> load(StringRef path, const MCSubtargetInfo *features) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return failure("{0}: {1}", path, buffer.getError().message());
  loaded_file file;
  file.buffer = std::move(*buffer);
  const file_magic magic = identify_magic(file.buffer->getBuffer());
  if (magic == file_magic::bitcode)
    return failure("{0}: not an ELF file but LLVM bitcode (-flto): the tables are made when it is linked", path);
  const bool elf = magic == file_magic::elf_relocatable || magic == file_magic::elf_executable || magic == file_magic::elf_shared_object ||
                   magic == file_magic::elf_core || magic == file_magic::elf;
  if (!elf && magic != file_magic::archive)
    return failure("{0}: not an ELF file", path);
  Expected<std::unique_ptr<Binary>> binary = createBinary(file.buffer->getMemBufferRef());
  if (!binary)
    return failure("{0}: not a readable ELF file: {1}", path, toString(binary.takeError()));
  if (Error e = elf ? load_elf(file, std::move(*binary), path.str(), features) : load_archive(file, std::move(*binary), path, features))
    return std::move(e);
  return std::move(file);
}

} // namespace stillpoint::tools
