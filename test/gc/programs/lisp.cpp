// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A small Lisp whose cells are references: reader, closures, environments as lists, errors as C++ exceptions thrown through many frames that hold
// references. The programs' results are known.
#include "program.h"

#include <stdexcept>
#include <string>
#include <string_view>

namespace {

enum class kind : std::uint8_t { number, symbol, pair, primitive, closure };

struct cell;
using value = gc::ref<cell>; // null is the empty list
using primitive = value (*)(value arguments);

struct cell {
  kind k = kind::pair;
  std::int64_t n = 0;        // number
  primitive f = nullptr;     // primitive
  value head, tail;          // pair; closure: parameters and body
  value environment;         // closure
  gc::array<char> name = {}; // symbol
};

value number(std::int64_t n) {
  const value c = gc::make<cell>();
  c->k = kind::number;
  c->n = n;
  return c;
}

value cons(value head, value tail) {
  const value c = gc::make<cell>();
  c->head = head;
  c->tail = tail;
  return c;
}

value first(value v) {
  if (!v || v->k != kind::pair)
    throw std::runtime_error("not a pair");
  return v->head;
}
value rest(value v) {
  if (!v || v->k != kind::pair)
    throw std::runtime_error("not a pair");
  return v->tail;
}
std::int64_t integer(value v) {
  if (!v || v->k != kind::number)
    throw std::runtime_error("not a number");
  return v->n;
}

std::string_view name_of(value symbol) { return {symbol->name.data(), symbol->name.size()}; }

// The interpreter's own state: symbols are unique, so they compare by address.
struct machine {
  value symbols, global, truth, quote, condition, lambda, define;

  value symbol(std::string_view name) {
    for (value s = symbols; s; s = s->tail)
      if (name_of(s->head) == name)
        return s->head;
    const value made = gc::make<cell>();
    made->k = kind::symbol;
    made->name = gc::make_array<char>(name.size());
    std::copy(name.begin(), name.end(), made->name.begin());
    symbols = cons(made, symbols);
    return made;
  }

  machine() {
    truth = symbol("t");
    quote = symbol("quote");
    condition = symbol("if");
    lambda = symbol("lambda");
    define = symbol("define");
    bind("t", truth);
  }

  void bind(std::string_view name, value v) {
    const value s = symbol(name);
    global = cons(cons(s, v), global);
  }

  void bind_primitive(std::string_view name, primitive f) {
    const value p = gc::make<cell>();
    p->k = kind::primitive;
    p->f = f;
    bind(name, p);
  }

  value lookup(value s, value environment) const {
    for (value e : {environment, global})
      for (; e; e = e->tail)
        if (e->head->head == s)
          return e->head->tail;
    throw std::runtime_error("unbound: " + std::string(name_of(s)));
  }

  value evaluate_all(value list, value environment) const {
    if (!list)
      return nullptr;
    const value head = evaluate(first(list), environment);
    return cons(head, evaluate_all(rest(list), environment));
  }

  value apply(value f, value arguments) const {
    if (f && f->k == kind::primitive)
      return f->f(arguments);
    if (!f || f->k != kind::closure)
      throw std::runtime_error("not a function");
    value environment = f->environment;
    for (value p = f->head; p; p = rest(p), arguments = rest(arguments))
      environment = cons(cons(first(p), first(arguments)), environment);
    return evaluate(f->tail, environment);
  }

  value evaluate(value v, value environment) const {
    if (!v || v->k == kind::number)
      return v;
    if (v->k == kind::symbol)
      return lookup(v, environment);
    const value what = first(v);
    if (what == quote)
      return first(rest(v));
    if (what == condition)
      return evaluate(first(evaluate(first(rest(v)), environment) ? rest(rest(v)) : rest(rest(rest(v)))), environment);
    if (what == lambda) {
      const value c = gc::make<cell>();
      c->k = kind::closure;
      c->head = first(rest(v));
      c->tail = first(rest(rest(v)));
      c->environment = environment;
      return c;
    }
    const value f = evaluate(what, environment);
    return apply(f, evaluate_all(rest(v), environment));
  }

  value run(value v) {
    if (v && v->k == kind::pair && v->head == define) {
      const value entry = cons(first(rest(v)), nullptr);
      global = cons(entry, global);
      entry->tail = evaluate(first(rest(rest(v))), nullptr);
      return nullptr;
    }
    return evaluate(v, nullptr);
  }
};

class reader {
public:
  reader(machine &m, std::string_view text) : m_(m), text_(text) {}

  bool more() {
    while (!text_.empty() && text_.front() == ' ')
      text_.remove_prefix(1);
    return !text_.empty();
  }

  value read() {
    if (!more())
      throw std::runtime_error("end of input");
    if (text_.front() == '(') {
      text_.remove_prefix(1);
      return read_list();
    }
    const std::size_t end = std::min(text_.find_first_of(" ()"), text_.size());
    const std::string_view word = text_.substr(0, end);
    text_.remove_prefix(end);
    if (word.find_first_not_of("0123456789") == word.npos)
      return number(std::stoll(std::string(word)));
    return m_.symbol(word);
  }

private:
  value read_list() {
    more();
    if (!text_.empty() && text_.front() == ')') {
      text_.remove_prefix(1);
      return nullptr;
    }
    const value head = read();
    return cons(head, read_list());
  }

  machine &m_;
  std::string_view text_;
};

std::string print(value v) {
  if (!v)
    return "()";
  switch (v->k) {
  case kind::number:
    return std::to_string(v->n);
  case kind::symbol:
    return std::string(name_of(v));
  case kind::pair:
    break;
  default:
    return "#function";
  }
  std::string result = "(";
  for (value p = v; p; p = rest(p))
    result += (p == v ? "" : " ") + print(first(p));
  return result + ")";
}

std::string run(machine &m, std::string_view text) {
  reader r(m, text);
  value last;
  while (r.more())
    last = m.run(r.read());
  return print(last);
}

void add_primitives(machine &m) {
  m.bind_primitive("+", [](value a) { return number(integer(first(a)) + integer(first(rest(a)))); });
  m.bind_primitive("-", [](value a) { return number(integer(first(a)) - integer(first(rest(a)))); });
  m.bind_primitive("*", [](value a) { return number(integer(first(a)) * integer(first(rest(a)))); });
  m.bind_primitive("<", [](value a) { return integer(first(a)) < integer(first(rest(a))) ? number(1) : value(); });
  m.bind_primitive("cons", [](value a) { return cons(first(a), first(rest(a))); });
  m.bind_primitive("head", [](value a) { return first(first(a)); });
  m.bind_primitive("tail", [](value a) { return rest(first(a)); });
  m.bind_primitive("null", [](value a) { return first(a) ? value() : number(1); });
}

// Says what the exception said.
std::string failure(machine &m, std::string_view text) {
  try {
    return run(m, text);
  } catch (const std::runtime_error &e) {
    return e.what();
  }
}

constexpr std::string_view library = //
    "(define map (lambda (f l) (if (null l) l (cons (f (head l)) (map f (tail l))))))"
    "(define append (lambda (a b) (if (null a) b (cons (head a) (append (tail a) b)))))"
    "(define filter (lambda (p l) (if (null l) l (if (p (head l)) (cons (head l) (filter p (tail l))) (filter p (tail l))))))"
    "(define sort (lambda (l) (if (null l) l (append (sort (filter (lambda (x) (< x (head l))) (tail l)))"
    " (cons (head l) (sort (filter (lambda (x) (if (< x (head l)) () t)) (tail l))))))))"
    "(define fib (lambda (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))"
    "(define adder (lambda (n) (lambda (x) (+ x n))))"
    "(define count (lambda (n) (if (< n 1) (head 7) (count (- n 1)))))";

void body(unsigned scale) {
  for (unsigned i = 0; i < scale; ++i) {
    machine m;
    add_primitives(m);
    run(m, library);
    CHECK(run(m, "(fib 7)") == "13");
    CHECK(run(m, "(map (adder 10) (quote (1 2 3)))") == "(11 12 13)");
    CHECK(run(m, "(sort (quote (5 3 9 1 7 3 8)))") == "(1 3 3 5 7 8 9)");
    CHECK(failure(m, "(count 10)") == "not a pair");
    CHECK(failure(m, "(map nobody (quote (1)))") == "unbound: nobody");
    CHECK(run(m, "(append (quote (a b)) (map (lambda (x) (* x x)) (quote (1 2 3))))") == "(a b 1 4 9)");
  }
}

} // namespace

int main(int argc, char **argv) { return run_program("lisp", argc, argv, body); }
