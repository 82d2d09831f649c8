// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which tables are taken, which are refused and with what message, and that taking them away waits for those who read them.
#include "runtime/map/registry.h"
#include "test/preempt/fake/spinning.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace stillpoint {
namespace {

map::status look_up(void (*function)(void *)) {
  map::point p;
  const map::reader_scope reading(nullptr);
  return map::lookup(reinterpret_cast<std::uintptr_t>(function), p);
}

// What registering says on stderr. Nothing of it stays registered if it is refused.
std::string complaint(const abi::module_descriptor &d) {
  testing::internal::CaptureStderr();
  __stillpoint_register_tables(&d);
  __stillpoint_unregister_tables(&d);
  return testing::internal::GetCapturedStderr();
}

// A good descriptor that is not registered.
abi::module_descriptor unregistered() {
  const test::kernel_tables tables;
  return tables.descriptor;
}

TEST(registry, finds_only_what_is_registered) {
  EXPECT_EQ(look_up(spin_safe), map::status::not_managed);
  {
    const test::kernel_tables tables;
    EXPECT_EQ(look_up(spin_safe), map::status::ok);
    EXPECT_EQ(look_up(kernel_general), map::status::ok);
    map::point p;
    const map::reader_scope reading(nullptr);
    EXPECT_EQ(map::lookup(0, p), map::status::not_managed);
    EXPECT_EQ(map::lookup(~std::uint64_t{0}, p), map::status::not_managed);
    EXPECT_EQ(map::lookup(reinterpret_cast<std::uintptr_t>(kernel_general) - 1, p), map::status::not_managed);
  }
  EXPECT_EQ(look_up(spin_safe), map::status::not_managed);
}

TEST(registry, good_tables_are_taken_without_a_word) { EXPECT_EQ(complaint(unregistered()), ""); }

TEST(registry, newer_version_names_the_module_and_both_versions) {
  static auto d = unregistered(); // in the program itself, so that it has a name
  d.version = abi::version + 1;
  const std::string said = complaint(d);
  EXPECT_NE(said.find("preempt_test"), std::string::npos) << said;
  EXPECT_NE(said.find("version " + std::to_string(abi::version + 1)), std::string::npos) << said;
  EXPECT_NE(said.find("version " + std::to_string(abi::version)), std::string::npos) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1);
}

TEST(registry, wrong_magic_size_and_bounds) {
  auto d = unregistered();
  d.magic ^= 1;
  EXPECT_NE(complaint(d).find("magic"), std::string::npos);
  d = unregistered();
  d.size += 8;
  EXPECT_NE(complaint(d).find("bytes"), std::string::npos);
  d = unregistered();
  std::swap(d.records_begin, d.records_end);
  EXPECT_NE(complaint(d).find("bounds"), std::string::npos);
  d = unregistered();
  d.records_end -= 1;
  EXPECT_NE(complaint(d).find("bounds"), std::string::npos);
  d = unregistered();
  d.copies_begin = d.maps_begin; // a size that is no multiple of a record's
  d.copies_end = d.maps_begin + 1;
  EXPECT_NE(complaint(d).find("bounds"), std::string::npos);
}

TEST(registry, damaged_unchecked_copies_are_refused) {
  auto d = unregistered();
  static const abi::copy_record nowhere{0, 0, 0};
  d.copies_begin = reinterpret_cast<const unsigned char *>(&nowhere);
  d.copies_end = d.copies_begin + sizeof nowhere;
  const std::string said = complaint(d);
  EXPECT_NE(said.find("unchecked copies"), std::string::npos) << said;
  EXPECT_EQ(look_up(spin_safe), map::status::not_managed);
}

TEST(registry, corrupt_tables_are_refused_whole) {
  test::kernel_tables tables;
  __stillpoint_unregister_tables(&tables.descriptor);
  tables.spoil(spin_for_corruption);
  testing::internal::CaptureStderr();
  __stillpoint_register_tables(&tables.descriptor);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("record 9 of "), std::string::npos) << said;
  EXPECT_EQ(look_up(spin_safe), map::status::not_managed);
}

TEST(registry, no_records_is_no_module) {
  auto d = unregistered();
  d.records_end = d.records_begin;
  EXPECT_EQ(complaint(d), "");
}

TEST(registry, every_module_learns_whether_the_collector_marks) {
  const test::kernel_tables first;
  EXPECT_EQ(first.marking, 0);
  map::set_marking(true);
  EXPECT_EQ(first.marking, 1);
  test::kernel_tables::marking = 0;
  __stillpoint_unregister_tables(&first.descriptor);
  __stillpoint_register_tables(&first.descriptor); // as a module that comes later
  EXPECT_EQ(first.marking, 1);
  map::set_marking(false);
  EXPECT_EQ(first.marking, 0);
}

// A module that is no more than its roots is known as well.
TEST(registry, global_roots_of_all_modules) {
  struct {
    abi::global_root entries[2];
    std::uintptr_t words[2];
  } globals{};
  for (std::size_t i = 0; i != 2; ++i)
    globals.entries[i].address = reinterpret_cast<std::uintptr_t>(&globals.words[1 - i]);
  auto d = unregistered();
  d.records_end = d.records_begin;
  d.globals_begin = reinterpret_cast<const unsigned char *>(globals.entries);
  d.globals_end = d.globals_begin + sizeof globals.entries;
  std::vector<std::uintptr_t *> seen;
  const auto collect = [](void *context, std::uintptr_t *root) { static_cast<std::vector<std::uintptr_t *> *>(context)->push_back(root); };
  map::each_global_root(collect, &seen);
  const std::size_t others = seen.size();
  __stillpoint_register_tables(&d);
  const test::kernel_tables with_code;
  EXPECT_EQ(look_up(spin_safe), map::status::ok);
  seen.clear();
  map::each_global_root(collect, &seen);
  EXPECT_EQ(seen.size(), others + 2);
  EXPECT_EQ(std::ranges::count(seen, &globals.words[0]), 1);
  EXPECT_EQ(std::ranges::count(seen, &globals.words[1]), 1);
  __stillpoint_unregister_tables(&d);
  seen.clear();
  map::each_global_root(collect, &seen);
  EXPECT_EQ(seen.size(), others);
}

TEST(registry, twice_is_once_and_overlap_is_refused) {
  const test::kernel_tables tables;
  const std::size_t modules = map::registered_modules();
  __stillpoint_register_tables(&tables.descriptor);
  EXPECT_EQ(map::registered_modules(), modules);
  const abi::module_descriptor twin = tables.descriptor;
  EXPECT_NE(complaint(twin).find("same code"), std::string::npos);
  EXPECT_EQ(map::registered_modules(), modules);
  EXPECT_EQ(look_up(spin_safe), map::status::ok);
}

TEST(registry, taking_away_waits_for_readers) {
  auto tables = std::make_unique<test::kernel_tables>();
  std::atomic<bool> gone{false};
  std::thread remover;
  {
    const map::reader_scope reading(nullptr);
    remover = std::thread([&] {
      tables.reset();
      gone = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(gone);
  }
  EXPECT_TRUE(test::eventually([&] { return gone.load(); }));
  remover.join();
}

TEST(registry, workers_scopes_nest) {
  rt::worker w;
  {
    const map::reader_scope outer(&w);
    EXPECT_EQ(w.handler_entries, 1u);
    {
      const map::reader_scope inner(&w);
      EXPECT_EQ(w.handler_entries, 1u);
    }
    EXPECT_EQ(w.handler_entries, 1u);
  }
  EXPECT_EQ(w.handler_entries, 2u);
}

TEST(registry, comes_and_goes_while_a_task_is_asked_to_stop) {
  auto tables = std::make_unique<test::kernel_tables>();
  test::spinning s(spin_safe);
  for (int i = 0; i < 200; ++i) {
    s.request();
    tables.reset();
    s.request();
    tables = std::make_unique<test::kernel_tables>();
  }
  EXPECT_TRUE(s.stops(s.worker->counters.preemptions + 1));
}

} // namespace
} // namespace stillpoint
