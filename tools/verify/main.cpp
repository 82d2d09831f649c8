// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// stillpoint-verify: proves a compiled file's tables against its code, as far as that can be done without the compiler. This file
// has the options, the order of things and both forms of output; rules.h has what is proved.
//
// Exit status: 0 nothing was found; 1 something was; 2 a file could not be read, or the options are wrong.
#include "common/select.h"
#include "conventions.h"
#include "rules.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <set>

namespace stillpoint::verify {
namespace {

using namespace llvm;

enum exit_status : std::uint8_t { clean, faulty, unreadable };

cl::OptionCategory category("stillpoint-verify");

cl::list<std::string> files(cl::Positional, cl::desc("FILE..."), cl::cat(category));
cl::opt<bool> want_json("json", cl::desc("JSON, one object for each file on a line of its own"), cl::cat(category));
cl::opt<bool> quiet("quiet", cl::desc("No summary for files without findings"), cl::cat(category));
cl::opt<std::string> wanted_function("function", cl::value_desc("NAME|REGEX"),
                                     cl::desc("Only functions of this name (mangled, or demangled with or without parameters); if there is "
                                              "none, those whose name the regular expression matches"),
                                     cl::cat(category));

void print_version(raw_ostream &os) { os << formatv("stillpoint-verify {0}, table format {1}\n", STILLPOINT_VERSION, abi::version); }

void print_error(const Twine &message) { WithColor::error(errs(), "stillpoint-verify") << message << '\n'; }

struct result {
  std::vector<finding> findings;
  std::vector<std::string> structure; // what `stillpoint-objdump --check` finds, complete lines
  counts counted;
  [[nodiscard]] bool good() const { return findings.empty() && structure.empty(); }
};

// All functions tell what they take from one another; only the chosen ones are checked.
result verify(const tools::image &img, const std::vector<tools::fragment> &all, const std::vector<tools::fragment> &chosen,
              tools::disassembler &d, const model &m) {
  result r;
  r.structure = tools::check(chosen, d);
  const tools::unwind_info unwind(img.eh_frame);
  std::vector<function> functions = read_functions(all, m);
  for (function &f : functions)
    find_landing_pads(f, unwind);
  const conventions others(functions);
  std::set<std::uint64_t> wanted;
  for (const tools::fragment &f : chosen)
    wanted.insert(f.start());
  for (function &f : functions) {
    if (llvm::none_of(f.parts, [&](const tools::fragment *part) { return wanted.contains(part->start()); }))
      continue;
    std::vector<finding> found = check_function(f, r.counted);
    r.findings.insert(r.findings.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  }
  return r;
}

void print_text(const tools::image &img, const result &r, raw_ostream &os) {
  for (const std::string &line : r.structure)
    os << line << " [" << rule_text(rule::structure) << "]\n";
  for (const finding &f : r.findings)
    os << formatv("{0}: {1:x}: {2}: {3} [{4}]\n", img.name, f.address, f.function.empty() ? "?" : f.function, f.reason,
                  rule_text(f.broken));
  if (quiet && r.good())
    return;
  const counts &c = r.counted;
  os << formatv(
      "{0}: {1} findings in {2} functions: {3} safe, {4} pinned and {5} unsafe points, {6} frames, {7} listed and {8} wanted references",
      img.name, r.findings.size() + r.structure.size(), c.functions, c.points[abi::kind_safe], c.points[abi::kind_pinned],
      c.points[abi::kind_unsafe], c.frames, c.references, c.wanted);
  if (!img.has_symbols)
    os << "; the file has no symbol table (stripped), so functions called by it are not known by name";
  for (std::size_t n = 0; n != limit_count; ++n)
    if (c.limits[n] != 0)
      os << formatv("; not checked: {0} {1}", c.limits[n], limit_text(static_cast<limit>(n)));
  os << '\n';
}

std::int64_t number_of(std::uint64_t value) { return static_cast<std::int64_t>(value); }

void print_json(const tools::image &img, const result &r, raw_ostream &os) {
  json::OStream j(os);
  j.object([&] {
    j.attribute("file", json::fixUTF8(img.name));
    j.attribute("stripped", !img.has_symbols);
    j.attribute("functions", number_of(r.counted.functions));
    j.attributeObject("points", [&] {
      for (const abi::point_kind kind : {abi::kind_safe, abi::kind_pinned, abi::kind_unsafe})
        j.attribute(tools::kind_name(kind), number_of(r.counted.points[kind]));
    });
    j.attribute("frames", number_of(r.counted.frames));
    j.attribute("listed", number_of(r.counted.references));
    j.attribute("wanted", number_of(r.counted.wanted));
    j.attributeObject("not_checked", [&] {
      for (std::size_t n = 0; n != limit_count; ++n)
        j.attribute(limit_text(static_cast<limit>(n)), number_of(r.counted.limits[n]));
    });
    j.attributeArray("findings", [&] {
      for (const std::string &line : r.structure)
        j.object([&] {
          j.attribute("rule", rule_text(rule::structure));
          j.attribute("reason", json::fixUTF8(line));
        });
      for (const finding &f : r.findings)
        j.object([&] {
          j.attribute("address", number_of(f.address));
          j.attribute("function", json::fixUTF8(f.function));
          j.attribute("rule", rule_text(f.broken));
          j.attribute("reason", f.reason);
        });
    });
  });
  os << '\n';
}

exit_status verify_file(StringRef path, tools::disassembler &d, const model &m) {
  Expected<tools::loaded_file> file = tools::load(path, &d.features());
  if (!file) {
    print_error(toString(file.takeError()));
    return unreadable;
  }
  exit_status worst = clean;
  bool matched = false;
  for (const std::unique_ptr<tools::image> &img : file->images) {
    Expected<std::vector<tools::fragment>> all = tools::read_fragments(*img);
    if (!all) {
      print_error(toString(all.takeError()));
      return unreadable;
    }
    const std::vector<tools::fragment> some = tools::select_functions(*all, wanted_function);
    if (some.empty() && !wanted_function.empty())
      continue;
    matched = true;
    const result r = verify(*img, *all, some, d, m);
    (want_json ? print_json : print_text)(*img, r, outs());
    worst = std::max(worst, r.good() ? clean : faulty);
  }
  if (!matched) {
    print_error(tools::explain_no_match(path, *file, wanted_function));
    return unreadable;
  }
  return worst;
}

// LLVM's readers of ELF give up the program on some damaged files; say which file.
void give_up(void *path, const char *reason, bool) {
  print_error(formatv("{0}: not a readable ELF file: {1}", *static_cast<const std::string *>(path), reason));
  std::_Exit(unreadable);
}

int run() {
  std::string wrong;
  if (files.empty()) {
    print_error("no file is named; see --help");
    return unreadable;
  }
  if (!wanted_function.empty() && !Regex(wanted_function).isValid(wrong)) {
    print_error(formatv("--function={0}: {1}", wanted_function, wrong));
    return unreadable;
  }
  Expected<std::unique_ptr<tools::disassembler>> d = tools::disassembler::create();
  if (!d) {
    print_error(toString(d.takeError()));
    return unreadable;
  }
  const model m(**d);
  exit_status worst = clean;
  for (std::string &path : files) {
    const ScopedFatalErrorHandler handler(give_up, &path);
    worst = std::max(worst, verify_file(path, **d, m));
  }
  outs().flush();
  return worst;
}

} // namespace
} // namespace stillpoint::verify

int main(int argc, char **argv) {
  const llvm::InitLLVM init(argc, argv);
  llvm::cl::HideUnrelatedOptions(stillpoint::verify::category);
  llvm::cl::SetVersionPrinter(stillpoint::verify::print_version);
  // LLVM's parser ends the program with 1 for wrong options; here that would mean findings.
  if (!llvm::cl::ParseCommandLineOptions(argc, argv, "Proves Stillpoint's tables against the code they describe\n", &llvm::errs()))
    return stillpoint::verify::unreadable;
  return stillpoint::verify::run();
}
