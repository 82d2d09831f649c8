// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// stillpoint-objdump: shows a compiled file's code with what Stillpoint's tables say of each point, sums it up, and checks the one
// against the other. This file has the options and the order of things; image.h loads, model.h combines, text.cpp and json.cpp print.
//
// Exit status: 0; 1 if a file could not be shown, nothing matched --function, or --check found something.
#include "output.h"

#include "common/select.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/WithColor.h"

#include <cstdlib>

namespace stillpoint::tools {
namespace {

using namespace llvm;

cl::OptionCategory category("stillpoint-objdump");

cl::list<std::string> files(cl::Positional, cl::desc("FILE..."), cl::OneOrMore, cl::cat(category));
cl::opt<bool> want_summary("summary", cl::desc("Counts, shares and sizes instead of a disassembly"), cl::cat(category));
cl::opt<bool> want_json("json", cl::desc("JSON, one object for each file on a line of its own"), cl::cat(category));
cl::opt<bool> want_runs("runs", cl::desc("The tables alone: one line for each run of a state"), cl::cat(category));
cl::opt<bool> want_check("check", cl::desc("Check the tables against the code; print what does not fit, nothing else"), cl::cat(category));
cl::opt<bool> want_all("all", cl::desc("Disassemble code without tables as well"), cl::cat(category));
cl::opt<std::string> wanted_function("function", cl::value_desc("NAME|REGEX"),
                                     cl::desc("Only functions of this name (mangled, or demangled with or without parameters); if there is "
                                              "none, those whose name the regular expression matches"),
                                     cl::cat(category));

void print_version(raw_ostream &os) { os << formatv("stillpoint-objdump {0}, table format {1}\n", STILLPOINT_VERSION, abi::version); }

void print_error(const Twine &message) { WithColor::error(errs(), "stillpoint-objdump") << message << '\n'; }

bool print_problems(ArrayRef<fragment> fragments, disassembler &d) {
  const std::vector<std::string> problems = check(fragments, d);
  for (const std::string &problem : problems)
    print_error(problem);
  return problems.empty();
}

bool print_report(const report &r, disassembler &d) {
  if (want_check)
    return print_problems(r.fragments, d);
  if (want_summary)
    (want_json ? print_summary_json : print_summary_text)(r, d, outs());
  else if (want_json)
    print_functions_json(r, d, outs());
  else if (want_runs)
    print_runs_text(r, outs());
  else
    print_functions_text(r, d, want_all, outs());
  return true;
}

bool dump(StringRef path, disassembler &d) {
  Expected<loaded_file> file = load(path);
  if (!file) {
    print_error(toString(file.takeError()));
    return false;
  }
  bool good = true;
  bool matched = false;
  for (const std::unique_ptr<image> &img : file->images) {
    Expected<std::vector<fragment>> all = read_fragments(*img);
    if (!all) {
      print_error(toString(all.takeError()));
      good = false;
      matched = true;
      continue;
    }
    const std::vector<fragment> some = select_functions(*all, wanted_function);
    if (some.empty() && !wanted_function.empty())
      continue;
    matched = true;
    good = print_report({img.get(), some}, d) && good;
  }
  if (!matched)
    print_error(explain_no_match(path, *file, wanted_function));
  return good && matched;
}

// LLVM's readers of ELF give up the program on some damaged files; say which file, and exit as for any other error.
void give_up(void *path, const char *reason, bool) {
  print_error(formatv("{0}: not a readable ELF file: {1}", *static_cast<const std::string *>(path), reason));
  std::_Exit(1);
}

// What cannot be asked for together, or at all.
std::string wrong_options() {
  if (want_summary + want_runs + want_check + want_all > 1)
    return "--summary, --runs, --check and --all exclude one another";
  if (want_json && (want_runs || want_check || want_all))
    return "--json goes with the disassembly or with --summary only";
  std::string error;
  if (!wanted_function.empty() && !Regex(wanted_function).isValid(error))
    return formatv("--function={0}: {1}", wanted_function, error);
  return {};
}

int run() {
  if (const std::string wrong = wrong_options(); !wrong.empty()) {
    print_error(wrong);
    return 1;
  }
  Expected<std::unique_ptr<disassembler>> d = disassembler::create();
  if (!d) {
    print_error(toString(d.takeError()));
    return 1;
  }
  bool good = true;
  for (std::string &path : files) {
    const ScopedFatalErrorHandler handler(give_up, &path);
    good = dump(path, **d) && good;
  }
  outs().flush();
  return good ? 0 : 1;
}

} // namespace
} // namespace stillpoint::tools

int main(int argc, char **argv) {
  const llvm::InitLLVM init(argc, argv);
  llvm::cl::HideUnrelatedOptions(stillpoint::tools::category);
  llvm::cl::SetVersionPrinter(stillpoint::tools::print_version);
  llvm::cl::ParseCommandLineOptions(argc, argv, "Stillpoint's tables beside the code they describe\n");
  return stillpoint::tools::run();
}
