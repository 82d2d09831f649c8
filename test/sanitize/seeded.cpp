// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// That a sanitizer build really reports: errors made on purpose, in tasks, once in the program's code and once in the runtime's.
//
// Problem: a sanitizer that does not know of our changes of stacks, or a runtime that was not compiled for it, is as silent as correct code.
// Mechanism: one program, the error named on its command line; what is to be reported is in CMakeLists.txt. `none` does the same things in order, and
// has to be silent: tasks that hand over by a channel do not race.
// The races are certain: the other task sees by a relaxed flag that the write is done, and nothing else is between the two.
#include <stillpoint/net.hpp>
#include <stillpoint/stillpoint.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

// Where the program reads, and where the runtime does.
[[gnu::noinline]] unsigned read_here(std::string_view text) { return static_cast<unsigned char>(text[0]); }
[[gnu::noinline]] unsigned read_in_the_runtime(std::string_view text) { return stillpoint::net::address::parse(text).port(); }

using reader = unsigned (*)(std::string_view);
constexpr std::string_view first = "127.0.0.1:7000", second = "127.0.0.1:7001";

void race(reader read) {
  std::string text(first);
  std::atomic<bool> begun{false}, written{false};
  stillpoint::wait_group done;
  done.add();
  stillpoint::go([&] { // on the other processor: neither gives way
    begun.store(true, std::memory_order_relaxed);
    while (!written.load(std::memory_order_relaxed))
      ;
    std::printf("read %u\n", read(text));
    done.done();
  });
  while (!begun.load(std::memory_order_relaxed))
    ;
  text.back() = '1';
  text.front() = '1';
  written.store(true, std::memory_order_relaxed);
  done.wait();
}

void use_after_free(reader read) {
  auto text = std::make_unique<char[]>(64); // not within std::string itself
  first.copy(text.get(), first.size());
  const std::string_view seen(text.get(), first.size());
  text.reset();
  stillpoint::yield();
  std::printf("read %u\n", read(seen));
}

void none() {
  std::string text(first);
  const stillpoint::chan<bool> written(0), read(0);
  stillpoint::go([&] {
    for (int i = 0; i < 100; ++i) {
      written.receive();
      if (read_in_the_runtime(text) < 7000)
        std::abort();
      read.send(true);
    }
  });
  for (int i = 0; i < 100; ++i) {
    text = i % 2 == 0 ? second : first;
    written.send(true);
    read.receive();
  }
  std::puts("nothing to report");
}

void program(std::string_view what) {
  if (what == "race")
    race(read_here);
  else if (what == "race-in-runtime")
    race(read_in_the_runtime);
  else if (what == "use-after-free")
    use_after_free(read_here);
  else if (what == "use-after-free-in-runtime")
    use_after_free(read_in_the_runtime);
  else
    none();
}

} // namespace

int main(int, char **argv) {
  setenv("STILLPOINT_PROCS", "2", 1);
  stillpoint::run([argv] { program(argv[1]); });
}
