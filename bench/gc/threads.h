// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tasks for those who have only threads: as many as processors, which take the next piece of work from a counter.
#ifndef STILLPOINT_BENCH_GC_THREADS_H
#define STILLPOINT_BENCH_GC_THREADS_H

#include <atomic>
#include <thread>
#include <vector>

namespace bench {

// `around(body)` runs in each thread and calls body().
template <class Piece, class Around>
void share_out(unsigned threads, unsigned count, const Piece &piece, const Around &around) {
  std::atomic<unsigned> next{0};
  const auto body = [&] {
    for (unsigned i; (i = next.fetch_add(1)) < count;)
      piece(i);
  };
  std::vector<std::thread> all;
  for (unsigned i = 1; i < threads; ++i)
    all.emplace_back([&] { around(body); });
  body();
  for (std::thread &one : all)
    one.join();
}

} // namespace bench

#endif
