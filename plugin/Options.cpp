// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two ways into each setting: Clang's -fplugin-arg-stillpoint-NAME= (FrontEnd.cpp), and -stillpoint-NAME= for the tools that have no
// plugin arguments (llc, opt, -mllvm of the linker). Both end in the same command-line variable.
#include "plugin/Options.h"

#include "llvm/Support/CommandLine.h"

using namespace llvm;

namespace {

enum class Liveness { GC, Full };

cl::opt<Liveness> LivenessOption("stillpoint-liveness", cl::Hidden, cl::init(Liveness::GC),
                                 cl::desc("What Stillpoint's tables say of live registers"),
                                 cl::values(clEnumValN(Liveness::GC, "gc", "what the collector needs"),
                                            clEnumValN(Liveness::Full, "full", "the live registers of every class")));

enum class MainIs { Thread, Task };

cl::opt<MainIs> MainOption("stillpoint-main", cl::Hidden, cl::init(MainIs::Thread), cl::desc("What the program's main runs as"),
                           cl::values(clEnumValN(MainIs::Thread, "thread", "as ever: the process's first thread"),
                                      clEnumValN(MainIs::Task, "task", "the first task of Stillpoint's runtime")));

enum class Copies { On, Off };

cl::opt<Copies> CopiesOption("stillpoint-unchecked-copies", cl::Hidden, cl::init(Copies::On),
                             cl::desc("Copies of loops without the checks of write barriers, for while nothing is marked"),
                             cl::values(clEnumValN(Copies::On, "on", "where they pay, from -O2 on"),
                                        clEnumValN(Copies::Off, "off", "none")));

cl::opt<std::string> DumpOption("stillpoint-dump", cl::Hidden, cl::value_desc("function"),
                                cl::desc("Print every point of the function with this mangled name, or of all (*)"));

bool Remarks = false;

} // namespace

bool stillpoint::wantsFullLiveness() { return LivenessOption == Liveness::Full; }
void stillpoint::setFullLiveness(bool Full) { LivenessOption = Full ? Liveness::Full : Liveness::GC; }
bool stillpoint::wantsMainTask() { return MainOption == MainIs::Task; }
void stillpoint::setMainTask(bool Wanted) { MainOption = Wanted ? MainIs::Task : MainIs::Thread; }
bool stillpoint::wantsNoUncheckedCopies() { return CopiesOption == Copies::Off; }
void stillpoint::setWithoutUncheckedCopies(bool Off) { CopiesOption = Off ? Copies::Off : Copies::On; }

bool stillpoint::wantsRemarks() { return Remarks; }
void stillpoint::setRemarks(bool Wanted) { Remarks = Wanted; }
StringRef stillpoint::dumpFunction() { return DumpOption; }
void stillpoint::setDumpFunction(StringRef Name) { DumpOption = Name.str(); }
