// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The collector's environment variables: what is understood and what is refused.
#include "config.h"
#include "test/sched/support.h"

namespace stillpoint::test {
namespace {

rt::settings with(const char *name, const char *value) {
  const with_variable variable(name, value);
  return rt::read_settings();
}

TEST(heap_config, defaults) {
  const rt::settings s = rt::read_settings();
  EXPECT_EQ(s.gc_percent, 100);
  EXPECT_EQ(s.memory_limit, 0u);
  EXPECT_FALSE(s.gctrace || s.gcpoison || s.gcstress_alloc || s.gcstress_preempt);
}

TEST(heap_config, understood) {
  EXPECT_EQ(with("STILLPOINT_GC", "50").gc_percent, 50);
  EXPECT_EQ(with("STILLPOINT_GC", "off").gc_percent, -1);
  EXPECT_EQ(with("STILLPOINT_MEMORY_LIMIT", "2097152").memory_limit, 2097152u);
  EXPECT_EQ(with("STILLPOINT_MEMORY_LIMIT", "2048K").memory_limit, 2097152u);
  EXPECT_EQ(with("STILLPOINT_MEMORY_LIMIT", "3M").memory_limit, 3u << 20);
  EXPECT_EQ(with("STILLPOINT_MEMORY_LIMIT", "1G").memory_limit, 1u << 30);
  EXPECT_TRUE(with("STILLPOINT_DEBUG", "gctrace=1,gcpoison=0").gctrace);
  EXPECT_TRUE(with("STILLPOINT_DEBUG", "gcpoison=1").gcpoison);
  EXPECT_TRUE(with("STILLPOINT_DEBUG", "gcstress=alloc").gcstress_alloc);
  EXPECT_TRUE(with("STILLPOINT_DEBUG", "gcstress=preempt,gctrace=1").gcstress_preempt);
  EXPECT_FALSE(with("STILLPOINT_DEBUG", "gcstress=0").gcstress_alloc);
}

void refused(const char *name, const char *value, const std::string &message) {
  EXPECT_EXIT(with(name, value), testing::ExitedWithCode(2), message) << name << "=" << value;
}

TEST(heap_config_death_test, refused) {
  for (const char *value : {"", "0", "-1", "on", "50%", "100001"})
    refused("STILLPOINT_GC", value, "stillpoint: STILLPOINT_GC=" + std::string(value) + ": want a percentage, 1 to 100000, or off");
  for (const char *value : {"", "M", "0", "1023K", "1.5G", "1T", "257G", "64m", "18446744073709551615G"})
    refused("STILLPOINT_MEMORY_LIMIT", value,
            "stillpoint: STILLPOINT_MEMORY_LIMIT=" + std::string(value) + ": want a number of bytes, 1M to 256G");
  refused("STILLPOINT_DEBUG", "gcstress=1", "STILLPOINT_DEBUG=gcstress=1: want gcstress=alloc, gcstress=preempt or gcstress=0");
  refused("STILLPOINT_DEBUG", "gcstress", "want gcstress=alloc");
  refused("STILLPOINT_DEBUG", "gctrace=2", "want gctrace=0 or gctrace=1");
}

} // namespace
} // namespace stillpoint::test
