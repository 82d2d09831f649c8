// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a program's main, which the linker knows by another name, as a task.
#include <stillpoint/stillpoint.hpp>

extern "C" int program_main(int argc, char **argv);

int main(int argc, char **argv) {
  return stillpoint::run([&] { return program_main(argc, argv); });
}
