// Raw pointers into collected objects that are stored where nothing keeps the object alive.
// RUN: %sp-clangxx -std=c++20 -I %include -fsyntax-only -Xclang -verify %s
#include <stillpoint/gc.hpp>
#include <stillpoint/gc/global.hpp>
#include <stillpoint/task.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace gc = stillpoint::gc;

struct Node {
  gc::ref<Node> next;
  Node *raw = nullptr;
  const char *name = "";
  int value = 0;
  int values[4] = {};
  int *where() { return nullptr; }
};
struct Part : Node {};

Node *global;
int &reference = *new int;
Node *initialized = gc::ref<Node>().get(); // expected-warning {{a raw pointer into a collected object is stored in a variable with static storage, where it does not keep the object alive; store a gc::ref (gc::ref_to makes one from a pointer) [-Wstillpoint-raw-escape]}}

class View {
public:
  explicit View(gc::ref<Node> n) : node_(n.get()), value_(n->value) {} // expected-warning 2 {{is stored in a member}}
  explicit View(Node *n) : node_(n), value_(n->value) {}
  void set(gc::ref<Node> n) {
    node_ = n.get(); // expected-warning {{is stored in a member}}
    Node *local = &*n;
    this->node_ = local; // expected-warning {{is stored in a member}}
  }

private:
  Node *node_;
  int &value_;
};
struct Holder {
  int *value;
};

void stores(gc::ref<Node> n, gc::ref<Part> part, gc::array<int> numbers, int **out, Node *&by_reference, bool b) {
  global = n.get(); // expected-warning {{is stored in a variable with static storage}}
  static int *cached = &n->value; // expected-warning {{[-Wstillpoint-raw-escape]}}
  cached = n->values; // expected-warning {{[-Wstillpoint-raw-escape]}}
  *out = numbers.data() + 3; // expected-warning {{is stored in memory}}
  out[1] = b ? &numbers[2] : nullptr; // expected-warning {{is stored in memory}}
  by_reference = static_cast<Node *>(part.get()); // expected-warning {{is stored in memory}}
  n->raw = n->next.get(); // expected-warning {{is stored in a member}}
  auto *held = new Holder{&n->value}; // expected-warning {{is stored in a member}}
  std::vector<Node *> all;
  all.push_back(n.get()); // expected-warning {{is stored in a container}}
  std::map<int, Node *> map;
  map[1] = n.get(); // expected-warning {{is stored in memory}}
  map.emplace(2, n.get()); // expected-warning {{is stored in a container}}
  std::atomic<Node *> atomic;
  atomic.store(std::addressof(*n)); // expected-warning {{is stored in a container}}
}

void closures(gc::ref<Node> n) {
  Node *p = n.get();
  int &value = n->value;
  stillpoint::go([p] { p->value = 1; }); // expected-warning {{'p' is a raw pointer into a collected object and is captured by a closure that is stored in a task, where it does not keep the object alive; capture the gc::ref [-Wstillpoint-raw-escape]}} expected-note {{the closure is stored here}}
  stillpoint::go([&value] { value = 1; }); // expected-warning {{'value' is a raw pointer}} expected-note {{stored here}}
  stillpoint::go([q = n.get()] { q->value = 1; }); // expected-warning {{'q' is a raw pointer}} expected-note {{stored here}}
  std::function<int()> f = [p] { return p->value; }; // expected-warning {{'p' is a raw pointer}} expected-note {{stored here}}
  auto lambda = [=] { return p->value; }; // expected-warning {{'p' is a raw pointer}}
  stillpoint::go(std::move(lambda)); // expected-note {{stored here}}
  std::thread thread([](Node *) {}, n.get()); // expected-warning {{is stored in a thread}}
  thread.join();
}
auto returned(gc::ref<Node> n) {
  Node *p = n.get();
  return [p] { return p->value; }; // expected-warning {{'p' is a raw pointer}} expected-note {{stored here}}
}

// What stays in the function, what is no pointer into an object, and what keeps its object.
Node *fine(gc::ref<Node> n, gc::array<int> numbers, gc::global<Node> &root, View &view) {
  Node *p = n.get();
  int *values = n->values;
  int &value = n->value;
  Holder holder{&value};
  holder.value = values + 1;
  Node *list[2] = {p, p};
  list[0] = n->next.get();
  global = n->raw;
  static const char *name;
  name = n->name;
  static int copy = n->value;
  copy = numbers[1] + value;
  std::sort(numbers.begin(), numbers.end(), [p](int a, int b) { return a < b + p->value; });
  for (int &i : numbers)
    i = *values;
  auto sum = [&] { return value + p->value; };
  stillpoint::go([n, p] { p->value = 1; });
  stillpoint::go([m = n, p] { p->value = 1; });
  stillpoint::go([value] { return value; });
  std::vector<int> copied(numbers.begin(), numbers.end());
  copied.insert(copied.end(), numbers.begin(), numbers.end());
  std::vector<gc::ref<Node> *> others;
  std::vector<Node *> known;
  (void)std::find(known.begin(), known.end(), n.get());
  gc::ref<Node> again = gc::ref_to(p);
  again->next = gc::ref_to(&*n);
  gc::ref<Node> *slot = &n->next;
  *slot = again;
  std::string_view text(n->name);
  int *elsewhere = n->where();
  static int *kept;
  kept = elsewhere;
  [[clang::suppress("stillpoint-raw-escape")]] global = p;
  return p->value ? p : root.get().get();
}
