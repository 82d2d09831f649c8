// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// select and requests to stop: on_stop, from Go's tests of context.
#include "chan_support.h"

namespace stillpoint::test {
namespace {

class select_stop_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(select_stop_test);

// context's Done(): a request ends the wait, and those that come later.
STILLPOINT_ON_EACH(select_stop_test, a_request_to_stop) {
  const chan<int> never(0);
  stop_source source;
  const chan<int> waits(0);
  go([&] {
    bool told = false;
    EXPECT_EQ(select(on_receive(never), on_stop(source.get_token(), [&] { told = true; })), 1u);
    EXPECT_TRUE(told);
    waits.send(1);
  });
  EXPECT_EQ(select(on_stop(source.get_token()), on_default()), 1u);
  yield();
  source.request_stop();
  EXPECT_EQ(waits.receive(), 1);
  EXPECT_EQ(select(on_receive(never), on_stop(source.get_token())), 1u);
  EXPECT_EQ(select(on_stop(source.get_token()), on_default()), 0u);
}

// A token asked for its channel for the first time when it has stopped already; that of a parent; one that never stops.
STILLPOINT_ON_EACH(select_stop_test, tokens_that_stop_and_do_not) {
  stop_source parent;
  const stop_source child(parent.get_token());
  const stop_token of_child = child.get_token();
  EXPECT_EQ(select(on_stop(of_child), on_stop({}), on_default()), 2u);
  parent.request_stop();
  EXPECT_EQ(select(on_stop({}), on_stop(of_child)), 1u);
  EXPECT_EQ(select(on_stop({}), on_stop(parent.get_token())), 1u);
}

// The deadline of a token ends a select as a timeout does, whichever comes first, and is a case that is ready once it has passed.
STILLPOINT_ON_EACH(select_stop_test, the_deadline_of_a_token) {
  const chan<int> never(0);
  const stop_source soon(5ms), late(1h);
  EXPECT_EQ(select(on_receive(never), on_stop(late.get_token()), on_stop(soon.get_token()), on_timeout(1h)), 2u);
  EXPECT_EQ(soon.get_token().reason(), stop_reason::deadline);
  EXPECT_EQ(select(on_stop(soon.get_token()), on_default()), 0u);
  EXPECT_EQ(select(on_receive(never), on_stop(late.get_token()), on_timeout(5ms)), 2u);
  auto kept = on_stop(late.get_token());
  EXPECT_EQ(select(kept, on_timeout(1ms)), 1u);
  EXPECT_EQ(select(kept, on_default()), 1u);
}

// Requests race with selects that begin; each is told in the end.
STILLPOINT_ON_EACH(select_stop_test, requests_race_with_selects) {
  for (int round = 0; round < 200; ++round) {
    stop_source source;
    wait_group ended;
    const chan<int> never(0);
    for (int i = 0; i < 4; ++i)
      go_in(ended, [&, token = source.get_token()] { EXPECT_EQ(select(on_receive(never), on_stop(token)), 1u); });
    if (round % 2 != 0)
      yield();
    source.request_stop();
    ended.wait();
  }
}

} // namespace
} // namespace stillpoint::test
