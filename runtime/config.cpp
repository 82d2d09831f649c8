// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See config.h.
#include "config.h"

#include "cgroup.h"
#include "fatal.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <sched.h>
#include <string_view>
#include <unistd.h>
#include <vector>

// There if the program or the runtime is compiled for ThreadSanitizer.
extern "C" [[gnu::weak]] void __tsan_init();

namespace stillpoint::rt {
namespace {

// Settings once published are never changed nor freed.
struct published {
  settings set;
  const published *previous = nullptr;
};
constinit const published defaults{};
constinit std::atomic<const published *> current{&defaults};

struct debug_switch {
  std::string_view name;
  bool settings::*value;
};
constexpr std::array<debug_switch, 5> debug_switches{{
    {"asyncpreemptoff", &settings::asyncpreemptoff},
    {"returntraps", &settings::returntraps},
    {"preemptstats", &settings::preemptstats},
    {"gctrace", &settings::gctrace},
    {"gcpoison", &settings::gcpoison},
}};

[[noreturn]] void bad(std::string_view variable, std::string_view value, std::string_view why) {
  fatal_setting(message() << variable << "=" << value << ": " << why);
}

// The CPUs that this process may use; at least 1. The kernel's mask may be longer than cpu_set_t, so the buffer grows until it fits.
unsigned allowed_processors() {
  for (std::size_t words = 16; words <= 4096; words *= 2) {
    std::vector<unsigned long> mask(words);
    auto *set = reinterpret_cast<cpu_set_t *>(mask.data());
    const std::size_t bytes = words * sizeof(unsigned long);
    if (sched_getaffinity(0, bytes, set) == 0)
      return std::clamp(static_cast<unsigned>(CPU_COUNT_S(bytes, set)), 1u, max_processors);
    if (errno != EINVAL)
      break;
  }
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online < 1 ? 1 : std::min(static_cast<unsigned>(online), max_processors);
}

unsigned default_processors() {
  const unsigned quota = cgroup_processors();
  return quota == 0 ? allowed_processors() : std::min(quota, allowed_processors());
}

unsigned parse_processors(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > max_processors)
    bad("STILLPOINT_PROCS", text, "want a whole number of processors, 1 to 1024");
  return value;
}

std::uint64_t unit_ns(std::string_view unit) {
  if (unit == "us")
    return 1'000;
  if (unit == "ms")
    return 1'000'000;
  if (unit == "s")
    return 1'000'000'000;
  return 0;
}

enum class duration : std::uint8_t { good, malformed, out_of_range };

duration parse_duration(std::string_view text, std::uint64_t least, std::uint64_t most, std::uint64_t &out) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit_name = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error == std::errc::result_out_of_range && unit_ns(unit_name) != 0)
    return duration::out_of_range;
  const std::uint64_t unit = error == std::errc() ? unit_ns(unit_name) : 0;
  if (unit == 0)
    return duration::malformed;
  if (value > most / unit || value * unit < least)
    return duration::out_of_range;
  out = value * unit;
  return duration::good;
}

std::uint64_t parse_slice(std::string_view text) {
  std::uint64_t value = 0;
  switch (parse_duration(text, min_slice_ns, max_slice_ns, value)) {
  case duration::good:
    return value;
  case duration::malformed:
    bad("STILLPOINT_SLICE", text, "want a whole number and a unit: 100us, 10ms, 1s");
  case duration::out_of_range:
    break;
  }
  bad("STILLPOINT_SLICE", text, "want a slice from 20us to 1000s");
}

std::uint64_t parse_idle(std::string_view text) {
  if (text == "off")
    return UINT64_MAX;
  std::uint64_t value = 0;
  switch (parse_duration(text, min_idle_ns, max_idle_ns, value)) {
  case duration::good:
    return value;
  case duration::malformed:
    bad("STILLPOINT_IDLE", text, "want a whole number and a unit: 100ms, 10s; or off");
  case duration::out_of_range:
    break;
  }
  bad("STILLPOINT_IDLE", text, "want a time from 1ms to 1000000s, or off");
}

int parse_gc_percent(std::string_view text) {
  int value = -1;
  if (text == "off")
    return value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > max_gc_percent)
    bad("STILLPOINT_GC", text, "want a percentage, 1 to 100000, or off");
  return value;
}

std::uint64_t parse_memory_limit(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  const int shift = unit.empty() ? 0 : unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : -1;
  if (error != std::errc() || shift < 0 || value > (max_memory_limit >> shift) || (value << shift) < min_memory_limit)
    bad("STILLPOINT_MEMORY_LIMIT", text, "want a number of bytes, 1M to 256G, with K, M or G behind it");
  return value << shift;
}

// A period in milliseconds. False: it is another switch.
bool parse_schedtrace(std::string_view name, std::string_view value, std::string_view whole, settings &out) {
  if (name != "schedtrace")
    return false;
  constexpr std::uint64_t longest = 1'000'000'000;
  std::uint64_t period = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), period);
  if (error != std::errc() || end != value.data() + value.size() || period > longest)
    fatal_setting(message() << "STILLPOINT_DEBUG=" << whole << ": want schedtrace=N, a number of milliseconds, or schedtrace=0");
  out.schedtrace_ns = period * 1'000'000;
  return true;
}

// False: it is another switch.
bool parse_storm(std::string_view name, std::string_view value, std::string_view whole, settings &out) {
  if (name != "storm")
    return false;
  out.storm_ns = 0;
  if (value != "0" && parse_duration(value, min_storm_ns, max_storm_ns, out.storm_ns) != duration::good)
    fatal_setting(message() << "STILLPOINT_DEBUG=" << whole << ": want storm=20us, a period from 10us to 1s, or storm=0");
  return true;
}

// Those that are on unless switched off. False: it is another switch.
bool parse_reports(std::string_view name, std::string_view value, std::string_view whole, settings &out) {
  if (name == "sigquit") {
    if (value != "0" && value != "1" && value != "continue")
      fatal_setting(message() << "STILLPOINT_DEBUG=" << whole << ": want sigquit=0, sigquit=1 or sigquit=continue");
    out.sigquit = value == "0" ? settings::quit::off : value == "1" ? settings::quit::end : settings::quit::go_on;
    return true;
  }
  if (name != "deadlock")
    return false;
  if (value != "0" && value != "1")
    fatal_setting(message() << "STILLPOINT_DEBUG=" << whole << ": want deadlock=0 or deadlock=1");
  out.deadlock_off = value == "0";
  return true;
}

// False: it is another switch.
bool parse_stress(std::string_view name, std::string_view value, std::string_view whole, settings &out) {
  if (name != "gcstress")
    return false;
  if (value != "alloc" && value != "preempt" && value != "0")
    fatal_setting(message() << "STILLPOINT_DEBUG=" << whole << ": want gcstress=alloc, gcstress=preempt or gcstress=0");
  out.gcstress_alloc = value == "alloc";
  out.gcstress_preempt = value == "preempt";
  return true;
}

void parse_debug_item(std::string_view item, std::string_view whole, settings &out) {
  const std::size_t equals = item.find('=');
  const std::string_view name = item.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1);
  if (parse_stress(name, value, whole, out) || parse_schedtrace(name, value, whole, out) || parse_storm(name, value, whole, out) ||
      parse_reports(name, value, whole, out))
    return;
  const auto *known = std::find_if(debug_switches.begin(), debug_switches.end(), [&](const debug_switch &s) { return s.name == name; });
  if (known == debug_switches.end()) {
    message m;
    m << "STILLPOINT_DEBUG=" << whole << ": unknown name \"" << name << "\"; known:";
    for (const debug_switch &s : debug_switches)
      m << " " << s.name;
    m << " gcstress schedtrace storm sigquit deadlock";
    fatal_setting(m);
  }
  if (value != "0" && value != "1")
    fatal_setting(message() << "STILLPOINT_DEBUG=" << whole << ": want " << name << "=0 or " << name << "=1");
  out.*(known->value) = value == "1";
}

void parse_debug(std::string_view text, settings &out) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    parse_debug_item(text.substr(at, comma - at), text, out);
    at = comma + 1;
  }
  if (out.storm_ns != 0 && out.asyncpreemptoff)
    fatal_setting(message() << "STILLPOINT_DEBUG=" << text << ": a storm needs the signals that asyncpreemptoff=1 forbids");
}

} // namespace

settings read_settings() {
  settings s;
  const char *const processors = std::getenv("STILLPOINT_PROCS");
  s.processors = processors ? parse_processors(processors) : default_processors();
  s.cpus = processors ? allowed_processors() : s.processors;
  if (const char *const slice = std::getenv("STILLPOINT_SLICE"))
    s.slice_ns = parse_slice(slice);
  if (const char *const idle = std::getenv("STILLPOINT_IDLE"))
    s.idle_ns = parse_idle(idle);
  if (const char *const percent = std::getenv("STILLPOINT_GC"))
    s.gc_percent = parse_gc_percent(percent);
  if (const char *const limit = std::getenv("STILLPOINT_MEMORY_LIMIT"))
    s.memory_limit = parse_memory_limit(limit);
  if (const char *const debug = std::getenv("STILLPOINT_DEBUG"))
    parse_debug(debug, s);
  if (__tsan_init) {
    // It calls signal handlers later, with a copy of what was interrupted: a stop there would save the registers of a task that has gone on.
    s.asyncpreemptoff = true;
    s.storm_ns = 0;
  }
  return s;
}

const settings &config() noexcept { return current.load(std::memory_order_acquire)->set; } // pairs with set_config

void set_config(const settings &s) {
  const published *const now = current.load(std::memory_order_relaxed);
  if (now->set == s)
    return;
  current.store(new published{s, now}, std::memory_order_release); // pairs with config
}

} // namespace stillpoint::rt
