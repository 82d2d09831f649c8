// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See text.h.
#include "trace/text.h"

#include "scan/foreign.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>
#include <memory>
#include <unistd.h>

namespace stillpoint::rt::trace {
namespace {

std::string hex(std::uintptr_t number) {
  std::array<char, 24> text;
  return {text.data(), static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "0x%zx", static_cast<std::size_t>(number)))};
}

std::string demangled(const char *name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> readable(__cxxabiv1::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  return status == 0 ? readable.get() : name;
}

std::string look_up(std::uintptr_t pc, bool interrupted) {
  constexpr std::size_t longest = 8192; // of the mangled name; longer ones are cut off and stay mangled
  const auto name = std::make_unique<char[]>(longest);
  std::uintptr_t offset = 0;
  Dl_info object{};
  link_map *loaded = nullptr;
  const auto code = pc - (interrupted ? 0 : 1);
  const bool in_object = dladdr1(reinterpret_cast<void *>(code), &object, reinterpret_cast<void **>(&loaded), RTLD_DL_LINKMAP) != 0;
  std::string text;
  if (scan::procedure_name(pc, interrupted, name.get(), longest, offset))
    text = demangled(name.get()) + " + " + hex(offset);
  else if (in_object && object.dli_sname != nullptr)
    text = demangled(object.dli_sname) + " + " + hex(pc - reinterpret_cast<std::uintptr_t>(object.dli_saddr));
  else
    text = "?";
  if (!in_object)
    return text + " (" + hex(pc) + ")";
  return text + " (" + object.dli_fname + " + " + hex(pc - (loaded != nullptr ? loaded->l_addr : 0)) + ")";
}

std::string duration(std::uint64_t ns) {
  std::array<char, 40> text;
  const auto n = static_cast<double>(ns);
  const char *const format = ns < 1'000'000 ? "%.0f us" : ns < 1'000'000'000 ? "%.0f ms" : "%.1f s";
  const double unit = ns < 1'000'000 ? 1e3 : ns < 1'000'000'000 ? 1e6 : 1e9;
  return {text.data(), static_cast<std::size_t>(std::snprintf(text.data(), text.size(), format, n / unit))};
}

const char *explanation(ending why) noexcept {
  switch (why) {
  case ending::complete:
  case ending::not_started:
    return nullptr;
  case ending::too_deep:
    return "more frames follow";
  case ending::unknown_frame:
    return "what called this is not known: the tables do not describe the frame";
  case ending::no_unwinding:
    return "what called this is not known: no unwind tables, or no libunwind.so.8 to read them";
  case ending::not_attempted:
    return "what called this was not looked for: the stack could have changed meanwhile";
  case ending::elsewhere:
    return "its thread was not on the task's stack";
  case ending::unanswered:
    return "where is not known: its thread did not answer";
  }
  return "";
}

std::string state_of(const entry &e, std::uint64_t now) {
  std::string text;
  switch (e.state) {
  case task_state::running:
    text = e.in_call ? "in a call (system call or foreign code)" : "running";
    break;
  case task_state::runnable:
    text = e.why == ending::not_started ? "runnable, not started yet" : "runnable";
    break;
  case task_state::parked:
    text = std::string("waiting (") + (e.waiting_for != nullptr ? e.waiting_for : "not known for what") + ")";
    break;
  case task_state::dead:
    text = "ended";
    break;
  }
  if (e.since != 0 && e.since != never && now > e.since)
    text += ", " + duration(now - e.since);
  if (e.locked)
    text += ", locked to its thread";
  return text;
}

std::string describe(const snapshot &all, const entry &e, symbols &names) {
  std::string text = "\ntask " + std::to_string(e.id) + " \"" + std::string(e.name) + "\": " + state_of(e, all.taken_at) + "\n";
  for (std::size_t i = 0; i < e.count; ++i)
    text += "    " + names.describe(all.pcs[e.first + i], e.interrupted && i == 0) + "\n";
  if (e.entry_point != 0)
    text += "    " + names.describe(e.entry_point, true) + "\n";
  if (const char *const why = explanation(e.why))
    text += std::string("    (") + why + ")\n";
  if (e.created_by != 0)
    text += "  begun by task " + std::to_string(e.created_by) + " at " + names.describe(e.created_at, false) + "\n";
  return text;
}

std::string headline(const snapshot &all) {
  std::array<unsigned, 4> count{};
  for (const entry &e : all.tasks)
    ++count[static_cast<std::size_t>(e.state)];
  const auto number = [&](task_state s) { return std::to_string(count[static_cast<std::size_t>(s)]); };
  return "stillpoint: " + std::to_string(all.tasks.size()) + " tasks on " + std::to_string(all.processors) +
         " processors: " + number(task_state::running) + " running, " + number(task_state::runnable) + " runnable, " +
         number(task_state::parked) + " waiting\n";
}

} // namespace

const std::string &symbols::describe(std::uintptr_t pc, bool interrupted) {
  std::string &text = known_[2 * pc + (interrupted ? 1 : 0)];
  if (text.empty())
    text = look_up(pc, interrupted);
  return text;
}

void print(const snapshot &all, sink out, void *context) {
  symbols names;
  out(context, headline(all));
  for (const entry &e : all.tasks)
    out(context, describe(all, e, names));
  if (!all.complete)
    out(context, "\n(there was no memory for the others)\n");
}

void write_to_descriptor(void *context, std::string_view text) noexcept {
  const int file = *static_cast<const int *>(context);
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void print_to_stderr(scheduler &s, std::string_view heading) noexcept {
  int file = STDERR_FILENO;
  write_to_descriptor(&file, heading);
  try {
    snapshot all;
    take(s, all);
    print(all, write_to_descriptor, &file);
  } catch (...) {
    write_to_descriptor(&file, "stillpoint: there was no memory to print the tasks\n");
  }
}

} // namespace stillpoint::rt::trace
