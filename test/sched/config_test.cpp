// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The environment variables: what is understood and what is refused.
#include "config.h"
#include "sched/lock.h"
#include "support.h"

namespace stillpoint::test {
namespace {

rt::settings with(const char *name, const char *value) {
  const with_variable variable(name, value);
  return rt::read_settings();
}

TEST(config, defaults) {
  const rt::settings s = rt::read_settings();
  EXPECT_GE(s.processors, 1u);
  EXPECT_EQ(s.slice_ns, 10'000'000u);
  EXPECT_EQ(s.idle_ns, 10'000'000'000u);
  EXPECT_FALSE(s.asyncpreemptoff || s.preemptstats || s.deadlock_off);
  EXPECT_EQ(s.schedtrace_ns, 0u);
  EXPECT_EQ(s.sigquit, rt::settings::quit::end);
}

TEST(config, understood) {
  EXPECT_EQ(with("STILLPOINT_PROCS", "3").processors, 3u);
  EXPECT_GE(with("STILLPOINT_PROCS", "3").cpus, rt::read_settings().cpus); // the machine's, within the control group's quota or without
  EXPECT_EQ(with("STILLPOINT_PROCS", "1024").cpus, with("STILLPOINT_PROCS", "1").cpus);
  EXPECT_EQ(with("STILLPOINT_SLICE", "100us").slice_ns, 100'000u);
  EXPECT_EQ(with("STILLPOINT_SLICE", "10ms").slice_ns, 10'000'000u);
  EXPECT_EQ(with("STILLPOINT_SLICE", "2s").slice_ns, 2'000'000'000u);
  EXPECT_EQ(with("STILLPOINT_SLICE", "20us").slice_ns, 20'000u);
  EXPECT_EQ(with("STILLPOINT_IDLE", "1ms").idle_ns, 1'000'000u);
  EXPECT_EQ(with("STILLPOINT_IDLE", "1000000s").idle_ns, 1'000'000'000'000'000u);
  EXPECT_EQ(with("STILLPOINT_IDLE", "off").idle_ns, rt::never);
  const rt::settings s = with("STILLPOINT_DEBUG", "asyncpreemptoff=1,schedtrace=0,preemptstats=1");
  EXPECT_TRUE(s.asyncpreemptoff && s.preemptstats && s.schedtrace_ns == 0);
  EXPECT_FALSE(with("STILLPOINT_DEBUG", "").asyncpreemptoff);
  EXPECT_EQ(with("STILLPOINT_DEBUG", "schedtrace=1000").schedtrace_ns, 1'000'000'000u);
  EXPECT_EQ(with("STILLPOINT_DEBUG", "sigquit=0").sigquit, rt::settings::quit::off);
  EXPECT_EQ(with("STILLPOINT_DEBUG", "sigquit=continue").sigquit, rt::settings::quit::go_on);
  EXPECT_TRUE(with("STILLPOINT_DEBUG", "deadlock=0").deadlock_off);
  EXPECT_EQ(with("STILLPOINT_DEBUG", "storm=20us").storm_ns, 20'000u);
  EXPECT_EQ(with("STILLPOINT_DEBUG", "storm=1s").storm_ns, 1'000'000'000u);
  EXPECT_EQ(with("STILLPOINT_DEBUG", "storm=20us,storm=0").storm_ns, 0u);
}

void refused(const char *name, const char *value, const std::string &message) {
  EXPECT_EXIT(with(name, value), testing::ExitedWithCode(2), message) << name << "=" << value;
}

TEST(config_death_test, refused) {
  for (const char *value : {"", "0", "-1", "two", "2x", " 2", "1025", "99999999999999999999"})
    refused("STILLPOINT_PROCS", value, "stillpoint: STILLPOINT_PROCS=" + std::string(value) + ": want a whole number of processors");
  for (const char *value : {"", "10", "ms", "1h", "-1ms", "1.5ms", "10ms "})
    refused("STILLPOINT_SLICE", value, "stillpoint: STILLPOINT_SLICE=" + std::string(value) + ": want a whole number and a unit");
  for (const char *value : {"19us", "0s", "1001s", "18446744073709551615s"})
    refused("STILLPOINT_SLICE", value, "stillpoint: STILLPOINT_SLICE=" + std::string(value) + ": want a slice from 20us");
  for (const char *value : {"", "10", "never", "1m"})
    refused("STILLPOINT_IDLE", value, "stillpoint: STILLPOINT_IDLE=" + std::string(value) + ": want a whole number and a unit");
  for (const char *value : {"999us", "0s", "1000001s"})
    refused("STILLPOINT_IDLE", value, "stillpoint: STILLPOINT_IDLE=" + std::string(value) + ": want a time from 1ms");
  refused("STILLPOINT_DEBUG", "gotrace=1", "unknown name \"gotrace\"; known: asyncpreemptoff returntraps preemptstats");
  refused("STILLPOINT_DEBUG", "schedtrace=1,x", "STILLPOINT_DEBUG=schedtrace=1,x: unknown name \"x\"");
  refused("STILLPOINT_DEBUG", "asyncpreemptoff", "want asyncpreemptoff=0 or asyncpreemptoff=1");
  refused("STILLPOINT_DEBUG", "schedtrace=often", "want schedtrace=N");
  for (const char *value :
       {"storm", "storm=", "storm=1", "storm=20", "storm=9us", "storm=2s", "storm=-20us", "storm=99999999999999999999us"})
    refused("STILLPOINT_DEBUG", value,
            "STILLPOINT_DEBUG=" + std::string(value) + ": want storm=20us, a period from 10us to 1s, or storm=0");
  refused("STILLPOINT_DEBUG", "storm=1ms,asyncpreemptoff=1", "a storm needs the signals that asyncpreemptoff=1 forbids");
  refused("STILLPOINT_DEBUG", "sigquit=2", "want sigquit=0, sigquit=1 or sigquit=continue");
  refused("STILLPOINT_DEBUG", "deadlock=no", "want deadlock=0 or deadlock=1");
  refused("STILLPOINT_DEBUG", "asyncpreemptoff=yes", "want asyncpreemptoff=0 or asyncpreemptoff=1");
}

TEST(config_death_test, refused_by_run) {
  const with_variable procs("STILLPOINT_PROCS", "many");
  EXPECT_EXIT(run([] {}), testing::ExitedWithCode(2), "stillpoint: STILLPOINT_PROCS=many: ");
}

} // namespace
} // namespace stillpoint::test
