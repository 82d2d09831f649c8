// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A random program against a model: objects of many shapes that refer to each other, and a shadow heap that knows what is reachable. After
// every collection all that the model reaches must be there with its contents, and what it does not reach must be gone (with the marking
// in one go) or gone one collection later (with marking in steps, between the program's own).
#include "heap_support.h"

#include <map>
#include <random>
#include <set>

namespace stillpoint::test {
namespace {

struct shape_of_test {
  std::uint32_t size;
  std::vector<std::uint32_t> references;
};

const std::vector<shape_of_test> shapes = {
    {16, {0, 8}},      {16, {8}},         {24, {0, 8}},        {8, {}}, {40, {16}}, {200, {0, 96, 192}},
    {1024, {0, 1016}}, {4096, {8, 4088}}, {12000, {0, 11992}},
};

// An object as the model knows it. The first word that is no reference holds its number.
struct shadow {
  std::size_t shape;
  std::uint64_t number;
  std::vector<std::uintptr_t> references;
};

class heap_model : public alone {
protected:
  heap_model() {
    for (const shape_of_test &s : shapes)
      types.push_back(std::make_unique<test_layout>(s.size, s.references));
  }

  std::uintptr_t create() {
    const std::size_t shape = random() % shapes.size();
    const std::uintptr_t object = make(*types[shape]);
    model[object] = {shape, ++numbers, std::vector<std::uintptr_t>(shapes[shape].references.size())};
    if (const std::size_t at = number_at(shape); at != SIZE_MAX)
      word(object, at) = numbers;
    return object;
  }

  static std::size_t number_at(std::size_t shape) {
    const shape_of_test &s = shapes[shape];
    for (std::uint32_t at = 0; at + 8 <= s.size; at += 8)
      if (std::find(s.references.begin(), s.references.end(), at) == s.references.end())
        return at;
    return SIZE_MAX;
  }

  void store(std::uintptr_t into, std::size_t slot, std::uintptr_t value) {
    shadow &s = model.at(into);
    if (s.references.empty())
      return;
    slot %= s.references.size();
    s.references[slot] = value;
    word(into, shapes[s.shape].references[slot]) = value;
    if (heap_now.marking.load() && value)
      __stillpoint_write_barrier(reinterpret_cast<gc::detail::raw_ref>(value));
  }

  std::set<std::uintptr_t> reachable() const {
    std::set<std::uintptr_t> found;
    std::vector<std::uintptr_t> left(roots);
    while (!left.empty()) {
      const std::uintptr_t object = left.back();
      left.pop_back();
      if (object && found.insert(object).second)
        for (const std::uintptr_t r : model.at(object).references)
          left.push_back(r);
    }
    return found;
  }

  // A step of the program: everything it touches is reachable from `roots`.
  void mutate() {
    if (roots.size() < 30)
      roots.push_back(create());
    const std::size_t a = random() % roots.size(), b = random() % roots.size();
    switch (random() % 6) {
    case 0:
      roots[a] = create();
      break;
    case 1:
    case 2:
      store(roots[a], random(), roots[b]);
      break;
    case 3: { // follow a reference
      const auto &r = model.at(roots[a]).references;
      if (!r.empty() && r[0])
        roots[b] = r[random() % r.size()] ? r[0] : roots[b];
      break;
    }
    case 4:
      store(roots[a], random(), 0);
      break;
    case 5: { // a new object in front
      const std::uintptr_t fresh = create();
      store(fresh, 0, roots[a]);
      roots[a] = fresh;
      break;
    }
    }
  }

  void check(const std::set<std::uintptr_t> &live) {
    for (const std::uintptr_t object : live) {
      ASSERT_TRUE(is_allocated(object));
      const shadow &s = model.at(object);
      if (const std::size_t at = number_at(s.shape); at != SIZE_MAX) {
        ASSERT_EQ(word(object, at), s.number);
      }
      for (std::size_t i = 0; i < s.references.size(); ++i)
        ASSERT_EQ(word(object, shapes[s.shape].references[i]), s.references[i]);
    }
  }

  // Forgets what the collection took away; `exact`: nothing else may have stayed.
  void forget(const std::set<std::uintptr_t> &live, bool exact) {
    for (auto at = model.begin(); at != model.end();) {
      if (live.contains(at->first)) {
        ++at;
        continue;
      }
      if (exact) {
        ASSERT_FALSE(is_allocated(at->first)) << "unreachable, but kept";
      }
      at = is_allocated(at->first) ? std::next(at) : model.erase(at);
    }
  }

  std::mt19937_64 random{12345};
  std::vector<std::unique_ptr<test_layout>> types;
  std::map<std::uintptr_t, shadow> model;
  std::uint64_t numbers = 0;
};

TEST_F(heap_model, collections_in_one_go) {
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 500; ++i)
      mutate();
    const auto live = reachable();
    collect();
    check(live);
    forget(live, true);
    if (HasFatalFailure())
      return;
  }
}

TEST_F(heap_model, marking_between_the_programs_steps) {
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 300; ++i)
      mutate();
    begin();
    for (int i = 0; i < 300; ++i) {
      mutate();
      drain(mine, random() % 400);
    }
    const auto live = reachable();
    finish();
    check(live);
    forget(live, false);
    if (HasFatalFailure())
      return;
    for (int i = 0; i < 20; ++i) // some of it lazily
      sweep_some(1);
  }
  const auto live = reachable();
  collect();
  check(live);
  forget(live, true);
}

TEST_F(heap_model, with_poison) {
  heap_now.poison = true;
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 300; ++i)
      mutate();
    const auto live = reachable();
    collect();
    check(live);
    forget(live, true);
    if (HasFatalFailure())
      return;
  }
}

} // namespace
} // namespace stillpoint::test
