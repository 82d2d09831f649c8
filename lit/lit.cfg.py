# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# How the tests of the compiler side run. One topic a file, lit/<part>/<topic>.<ext>; a test that hangs is a failure.
#
#   %clang %clangxx        Clang 22 as it is
#   %sp-clang %sp-clangxx  the same with the plugin
#   %stillpoint-clang(xx)  the wrappers: with the plugin, the headers and the runtime
#   %plugin                the plugin's path
#   %passes                the same without Clang's side, for opt
#   %sp-objdump            the table viewer
#   %sp-verify             the proof of tables
#   %expect-findings       runs a command that has to end with status 1
#   %runtime               the directory with libstillpoint.a and .so
#   %include               the public headers' directory
#   %tables                the version of the tables, also [[#V]] for FileCheck; %next_tables, one more
#   %lld %python           the linker, the interpreter that runs lit
#   FileCheck, not, opt, llc, llvm-readelf, … are those of LLVM 22
import os
import re
import sys

import lit.formats
import lit.util

config.name = "Stillpoint"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".c", ".cpp", ".ll", ".mir", ".s", ".test"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
lit_config.maxIndividualTestTime = 300

bindir = config.llvm_bindir
config.environment["PATH"] = os.pathsep.join([bindir, config.environment.get("PATH", "")])
# What a user has set for the programs that are built must not change what a test sees.
for name in [n for n in config.environment if n.startswith("STILLPOINT_")]:
    del config.environment[name]

plugin = os.path.join(config.stillpoint_build, "lib", "stillpoint-plugin.so")
clang = os.path.join(bindir, "clang")
clangxx = os.path.join(bindir, "clang++")
objdump = os.path.join(config.stillpoint_build, "bin", "stillpoint-objdump")
verify = os.path.join(config.stillpoint_build, "bin", "stillpoint-verify")


def substitute(name, value):
    config.substitutions.append((name + r"\b(?!-)", value))


substitute("%stillpoint-clangxx", os.path.join(config.stillpoint_build, "bin", "stillpoint-clang++"))
substitute("%stillpoint-clang", os.path.join(config.stillpoint_build, "bin", "stillpoint-clang"))
substitute("%sp-clangxx", f"{clangxx} -fplugin={plugin}")
substitute("%sp-clang", f"{clang} -fplugin={plugin}")
substitute("%sp-objdump", objdump)
substitute("%sp-verify", verify)
substitute("%expect-findings", f"{sys.executable} {os.path.join(os.path.dirname(__file__), 'verify', 'Inputs', 'expect_status.py')} 1")
substitute("%clangxx", clangxx)
substitute("%clang", clang)
substitute("%plugin", plugin)
substitute("%passes", os.path.join(config.stillpoint_build, "lib", "stillpoint-passes.so"))
substitute("%runtime", os.path.join(config.stillpoint_build, "lib"))
substitute("%include", os.path.join(config.stillpoint_source, "include"))
substitute("%source", config.stillpoint_source)
substitute("%lld", os.path.join(bindir, "ld.lld"))
substitute("%python", sys.executable)

with open(os.path.join(config.stillpoint_source, "include", "stillpoint", "abi", "map_format.h")) as header:
    tables = int(re.search(r"^#define STILLPOINT_TABLE_VERSION (\d+)$", header.read(), re.MULTILINE).group(1))
substitute("%tables", str(tables))
substitute("%next_tables", str(tables + 1))
config.environment["FILECHECK_OPTS"] = f"-D#V={tables}"

if not os.path.exists(plugin):
    lit_config.fatal(f"{plugin} is not built yet: ninja -C {config.stillpoint_build} stillpoint-plugin")

# What a test may ask for by REQUIRES.
if os.path.exists(objdump):
    config.available_features.add("objdump")
if any(os.path.exists(os.path.join(config.stillpoint_build, "lib", n)) for n in ("libstillpoint.a", "libstillpoint.so")):
    config.available_features.add("runtime")
for tool in ("ld.bfd", "as", "objcopy", "readelf"):
    if lit.util.which(tool, config.environment["PATH"]):
        config.available_features.add("gnu-" + tool.removeprefix("ld.") if tool != "ld.bfd" else "gnu-ld")
