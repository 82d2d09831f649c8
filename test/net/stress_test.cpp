// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Many connections, tasks that are stopped everywhere, and a program that forks.
#include "net/descriptor.h"
#include "support.h"

#include <fstream>
#include <sys/resource.h>
#include <sys/wait.h>

namespace stillpoint::test {
namespace {

class net_stress : public net_fixture {};
STILLPOINT_ON_PROCESSORS(net_stress);

void serve(net::tcp_stream &s) {
  std::vector<char> b(4096);
  std::error_code ec;
  while (const std::size_t n = s.read(b, ec))
    s.write_all({b.data(), n}, ec);
}

// Every byte comes back, in order, over many connections, while other tasks spin.
TEST_P(net_stress, echo_among_spinning_tasks) {
  in_run([] {
    constexpr int clients = 24, rounds = 40;
    auto listener = net::tcp_listener::listen(net::address::loopback_ipv4(0));
    std::atomic<bool> stop{false};
    wait_group all;
    for (int i = 0; i < 3; ++i) {
      all.add();
      go([&] {
        while (!stop.load(std::memory_order_relaxed))
          ;
        all.done();
      });
    }
    const background server([&] {
      wait_group served;
      std::error_code ec;
      while (auto s = listener.accept(ec)) {
        served.add();
        go([&served, s = std::move(s)]() mutable {
          serve(s);
          served.done();
        });
      }
      served.wait();
    });
    {
      wait_group ended;
      ended.add(clients);
      for (int c = 0; c < clients; ++c)
        go([&, c] {
          auto s = net::tcp_stream::connect(listener.local_address());
          for (int i = 0; i < rounds; ++i) {
            const std::string said = pattern(1 + static_cast<std::size_t>(c * 977 + i * 131) % 9000, static_cast<unsigned>(c + i));
            std::string heard(said.size(), '\0');
            s.write_all(said);
            EXPECT_EQ(s.read_exactly(heard), said.size());
            EXPECT_TRUE(heard == said);
          }
          ended.done();
        });
      ended.wait();
    }
    stop = true;
    listener.close();
    all.wait();
  });
}

struct block {
  std::array<char, 200> bytes{};
  gc::ref<block> next;
};

// References live over a wait, in registers and on the stack, and the memory that is read into is the collector's.
TEST_P(net_stress, collections_while_tasks_wait) {
  const with_variable poison("STILLPOINT_DEBUG", "gcpoison=1");
  in_run([] {
    constexpr int readers = 8, rounds = 30;
    std::vector<std::pair<net::unix_stream, net::unix_stream>> pairs;
    for (int i = 0; i < readers; ++i)
      pairs.push_back(net::unix_stream::pair());
    wait_group ended;
    ended.add(readers);
    for (int i = 0; i < readers; ++i)
      go([&, i] {
        gc::ref<block> list;
        for (int n = 0; n < rounds; ++n) {
          gc::ref<block> b = gc::make<block>();
          EXPECT_EQ(pairs[static_cast<std::size_t>(i)].first.read_exactly(b->bytes), b->bytes.size());
          b->next = list;
          list = b;
        }
        for (int n = rounds; n-- > 0; list = list->next)
          EXPECT_EQ(std::string_view(list->bytes.data(), list->bytes.size()), pattern(200, static_cast<unsigned>(n)));
        EXPECT_FALSE(list);
        ended.done();
      });
    for (int n = 0; n < rounds; ++n) {
      const std::string sent = pattern(200, static_cast<unsigned>(n));
      for (auto &p : pairs)
        p.second.write_all(std::string_view(sent).substr(0, 100));
      gc::collect();
      for (auto &p : pairs)
        p.second.write_all(std::string_view(sent).substr(100));
    }
    ended.wait();
  });
}

int thread_count() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("Threads:"))
      return std::stoi(line.substr(8));
  return -1;
}

// Connections that wait keep no thread each.
TEST_P(net_stress, idle_connections_cost_no_threads) {
  in_run([] {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    const int connections = static_cast<int>(std::min<rlim_t>(1000, (limit.rlim_cur - 100) / 2));
    std::vector<std::pair<net::unix_stream, net::unix_stream>> pairs;
    wait_group ended;
    std::atomic<int> got{0};
    for (int i = 0; i < connections; ++i)
      pairs.push_back(net::unix_stream::pair());
    for (auto &p : pairs) {
      ended.add();
      go({.stack_size = 16384}, [&ended, &got, &p] {
        char b[1];
        got += p.first.read(b) == 1;
        ended.done();
      });
    }
    sleep_for(5ms);
    EXPECT_LE(thread_count(), static_cast<int>(processors()) + 4);
    for (auto &p : pairs)
      p.second.write_all("x");
    ended.wait();
    EXPECT_EQ(got.load(), connections);
  });
}

// A task that waits for a file tells nobody: who polls has been settled since its first wait.
TEST(net_watch, a_file_is_watched_from_its_first_wait_on) {
  if (rt::sched::poller_wanted())
    GTEST_SKIP() << "an earlier test of this process has left a task behind that waits for ever";
  const with_variable slice("STILLPOINT_SLICE", "1000s");
  run_on(1, [] {
    const rt::scheduler &s = *rt::sched::active();
    const auto is_watched = [&] {
      const std::uint64_t looks = s.monitor_deadline.load();
      return looks <= s.last_poll.load() + rt::poll_patience_ns;
    };
    auto [reader, writer] = net::make_pipe();
    EXPECT_TRUE(eventually([&] { return !is_watched(); }));
    const background reading([&, &reader = reader] {
      char b[1];
      EXPECT_EQ(reader.read(b), 1u);
    });
    yield();
    EXPECT_TRUE(net::detail::anyone_waits());
    EXPECT_TRUE(is_watched());
    EXPECT_EQ(writer.write_all("x"), 1u);
  });
}

// A child of a fork, of a thread that is no worker, has a poller of its own.
TEST(net_fork, a_child_polls_for_itself) {
  auto [near, far] = net::unix_stream::pair();
  const auto ping = [&near = near, &far = far] {
    run_on(2, [&] {
      const background reader([&] {
        char b[1];
        EXPECT_EQ(near.read(b), 1u);
      });
      sleep_for(1ms);
      far.write_all("x");
    });
  };
  ping();
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    auto own = net::unix_stream::pair();
    ping(); // with an inherited handle
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ping();
}

} // namespace
} // namespace stillpoint::test
