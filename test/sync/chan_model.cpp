// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See chan_model.h.
#include "chan_model.h"

namespace stillpoint::test::chan_model {

model *current = nullptr;
std::vector<std::unique_ptr<std::array<char, stack_size>>> model::stacks;

void step() { current->yield(); }
void fail(const char *what) { current->fail(what); }
void *obtain_slots(std::size_t slots) { return current->buffer(slots); }

void model_lock::acquire() noexcept {
  step();
  strand &me = current->self();
  while (held) {
    me.is = status::blocked;
    me.wants = this;
    step();
  }
  me.is = status::ready;
  if (dead)
    fail("a channel is locked after its end");
  held = true;
}

void model_lock::release() noexcept {
  if (dead || !held)
    fail("a lock is given back that nobody holds");
  held = false;
  step();
}

void model_platform::wake(model_task &t) noexcept {
  step();
  if (t.is != status::parked)
    fail("woken, but not parked");
  t.is = status::ready;
}

std::size_t model::select(const std::vector<wanted> &cases, patience how_long) {
  frame_of_wait &f = *frames_.emplace_back(std::make_unique<frame_of_wait>());
  const std::size_t count = cases.size();
  const auto end = [&](std::size_t i, bool done) {
    if (i < count && !cases[i].sends)
      received(done, cases[i].channel, f.places[i]);
    else if (i < count)
      sent(done, cases[i].channel, cases[i].value);
    bury(f);
    return i;
  };
  const auto place_of = [&](std::size_t i) {
    return cases[i].sends ? static_cast<void *>(&f.values[i]) : static_cast<void *>(&f.places[i]);
  };

  // The look without locks.
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < count; ++i) {
    f.values[i] = cases[i].value;
    step();
    const channel &c = *channels_[cases[i].channel];
    if (cases[i].sends ? c.send_would_go() : c.receive_would_go())
      ready.push_back(i);
  }
  if (!ready.empty()) {
    const std::size_t i = ready[choose(static_cast<unsigned>(ready.size()))];
    channel &c = *channels_[cases[i].channel];
    c.mutex.acquire();
    const progress p = cases[i].sends ? c.begin_send(place_of(i)) : c.begin_receive(place_of(i));
    const bool direct = c.capacity == 0;
    c.mutex.release();
    if (p.partner)
      finish(p, place_of(i), cases[i].sends, direct);
    if (p.result != attempt::would_wait)
      return end(i, p.result == attempt::done);
  }

  for (std::size_t i = 0; i < count; ++i) {
    one_case &c = f.cases[i];
    c.where = channels_[cases[i].channel];
    c.value = place_of(i);
    c.sends = cases[i].sends;
    c.index = i;
    f.all.add(c);
  }
  f.all.sort();
  f.all.lock_all();
  progress p{};
  if (one_case *const c = f.all.choose([this](std::uint32_t n) { return choose(n); }, p)) {
    const bool direct = c->where->capacity == 0;
    f.all.unlock_all();
    if (p.partner)
      finish(p, c->value, c->sends, direct);
    return end(c->index, p.result == attempt::done);
  }
  if (how_long == patience::none) {
    f.all.unlock_all();
    return end(count, false);
  }
  model_task &me = task();
  f.expired.who = &me;
  const auto set_timer = [&f, &me, how_long] {
    if (how_long == patience::some)
      me.timer = [&f, &me] {
        if (f.over)
          chan_model::fail("a timer of a select that is over");
        else if (f.all.group.claim(f.expired))
          me.is = status::ready;
      };
  };
  f.all.wait(me);
  if (mistaken(mistake::timer_behind_the_locks))
    park([&f, set_timer] {
      f.all.unlock_all();
      set_timer();
    });
  else
    park([&f, set_timer] {
      set_timer();
      f.all.unlock_all();
    });
  me.timer = {};
  if (mistaken(mistake::goes_on_without_the_locks))
    for (std::size_t i = 0; i < count; ++i)
      f.cases[i].where->stop_waiting(f.cases[i], f.cases[i].sends);
  else
    f.all.stop_waiting();
  const waiter *const winner = f.all.group.winner.load(std::memory_order_relaxed);
  if (winner == &f.expired)
    return end(count, false);
  const auto &won = static_cast<const one_case &>(*winner);
  return end(won.index, won.completed);
}

void model::check_end() {
  running_ = nullptr;
  for (const model_task &t : tasks_)
    if (t.is != status::ended || t.commit.is != status::ended)
      return fail("sleeps for ever");
  std::map<unsigned, std::vector<long>> arrived;
  for (auto &[who, values] : received_) {
    std::map<long, long> last; // of each sender, whose values ascend
    for (const long v : values) {
      if (last[v / 100] > v)
        return fail("out of order");
      last[v / 100] = v;
      arrived[who.second].push_back(v);
    }
  }
  for (unsigned i = 0; i < channels_.size(); ++i) {
    std::vector<long> &there = arrived[i];
    there.insert(there.end(), sent_[i].size() - std::min(sent_[i].size(), there.size()), 0);
    std::size_t missing = static_cast<std::size_t>(std::count(there.begin(), there.end(), 0));
    if (missing != channels_[i]->count.load(std::memory_order_relaxed))
      return fail("lost or doubled");
    std::vector<long> left = sent_[i];
    for (const long v : there)
      if (v != 0) {
        const auto at = std::find(left.begin(), left.end(), v);
        if (at == left.end())
          return fail("received, but not sent");
        left.erase(at);
      }
  }
}

} // namespace stillpoint::test::chan_model
