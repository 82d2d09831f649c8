// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: downloads wait for the network nearly all the time. A thread for each is a stack for each and little else; a loop over events turns the
// program inside out.
//
// Mechanism: a task for each URL, written as if every call blocked. A task that waits for its socket keeps no thread: a handful of workers serve
// them all, however many there are.
//
//     download http://example.org/ http://example.org/other
//
// prints each URL, its status and the size and beginning of its body, as they come in. Plain HTTP/1.1, no redirections. Without arguments the program
// is its own server, with pages that take their time, and checks what it gets: three slow pages come in together, not one after another.
#include <stillpoint/net.hpp>
#include <stillpoint/stillpoint.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;
namespace net = stillpoint::net;

namespace {

struct url {
  std::string host, port, path;
};

url parse(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  if (!text.starts_with(scheme))
    throw std::invalid_argument("not an http:// address");
  text.remove_prefix(scheme.size());
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string_view authority = text.substr(0, slash);
  const std::size_t colon = authority.find(':');
  url u;
  u.host = authority.substr(0, colon);
  u.port = colon == authority.npos ? "80" : std::string(authority.substr(colon + 1));
  u.path = slash == text.size() ? "/" : std::string(text.substr(slash));
  return u;
}

// Lines and blocks of bytes, out of a stream.
class reader {
public:
  explicit reader(net::tcp_stream &from) : from_(from) {}

  std::string line() {
    std::size_t end;
    while ((end = buffered_.find('\n')) == buffered_.npos)
      if (!more())
        throw std::runtime_error("the answer ends too early");
    std::string text = take(end + 1);
    text.resize(text.size() - (text.ends_with("\r\n") ? 2 : 1));
    return text;
  }
  std::string block(std::size_t size) {
    while (buffered_.size() < size)
      if (!more())
        throw std::runtime_error("the answer ends too early");
    return take(size);
  }
  std::string rest() {
    while (more())
      ;
    return take(buffered_.size());
  }

private:
  bool more() {
    char part[16384];
    const std::size_t n = from_.read(part);
    buffered_.append(part, n);
    return n != 0;
  }
  std::string take(std::size_t size) {
    std::string taken = buffered_.substr(0, size);
    buffered_.erase(0, size);
    return taken;
  }

  net::tcp_stream &from_;
  std::string buffered_;
};

std::size_t number(std::string_view text, int base) {
  std::size_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value, base).ec != std::errc())
    throw std::runtime_error("a wrong number in the answer");
  return value;
}

struct page {
  std::string status, body;
};

page read_answer(reader from) {
  page p;
  p.status = from.line();
  std::size_t length = 0;
  bool has_length = false, chunked = false;
  for (std::string line = from.line(); !line.empty(); line = from.line()) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    std::transform(line.begin(), line.end(), line.begin(), [](unsigned char c) { return std::tolower(c); });
    const std::string_view name = std::string_view(line).substr(0, colon);
    std::string_view value = std::string_view(line).substr(std::min(colon + 1, line.size()));
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    if (name == "content-length") {
      length = number(value, 10);
      has_length = true;
    } else if (name == "transfer-encoding") {
      chunked = value == "chunked";
    }
  }
  if (chunked) {
    while (const std::size_t size = number(from.line(), 16)) {
      p.body += from.block(size);
      from.line();
    }
  } else {
    p.body = has_length ? from.block(length) : from.rest();
  }
  return p;
}

page download(std::string_view address) {
  const url u = parse(address);
  const net::time_point deadline = net::clock::now() + 30s;
  auto s = net::tcp_stream::connect(u.host, u.port, {.deadline = deadline});
  s.deadline(deadline);
  s.write_all({"GET ", u.path, " HTTP/1.1\r\nHost: ", u.host, "\r\nConnection: close\r\n\r\n"});
  return read_answer(reader(s));
}

void print(const std::string &address, const page &p) {
  std::string beginning = p.body.substr(0, 40);
  std::replace_if(beginning.begin(), beginning.end(), [](unsigned char c) { return c < ' '; }, ' ');
  std::printf("%s\n  %s, %zu bytes: %s\n", address.c_str(), p.status.c_str(), p.body.size(), beginning.c_str());
}

// Returns how many failed. In order of arrival.
int download_all(const std::vector<std::string> &addresses, std::vector<page> &pages) {
  stillpoint::wait_group group;
  std::atomic<int> failed{0};
  pages.resize(addresses.size());
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    group.add();
    stillpoint::go([&, i] {
      try {
        pages[i] = download(addresses[i]);
        print(addresses[i], pages[i]);
      } catch (const std::exception &error) {
        std::printf("%s\n  %s\n", addresses[i].c_str(), error.what());
        ++failed;
      }
      group.done();
    });
  }
  group.wait();
  return failed;
}

// The server of the check: /MILLISECONDS/BYTES answers after so long with so many bytes, in pieces if BYTES is odd.
void answer(net::tcp_stream s) {
  std::error_code ec;
  reader from(s);
  const std::string request = from.line();
  while (!from.line().empty())
    ;
  unsigned milliseconds = 0, size = 0;
  if (std::sscanf(request.c_str(), "GET /%u/%u ", &milliseconds, &size) != 2) {
    s.write_all("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", ec);
    return;
  }
  stillpoint::sleep_for(std::chrono::milliseconds(milliseconds));
  if (size % 2 == 0) {
    s.write_all({"HTTP/1.1 200 OK\r\nContent-Length: ", std::to_string(size), "\r\n\r\n", std::string(size, 'e')}, ec);
    return;
  }
  s.write_all("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ec);
  for (unsigned left = size; left != 0 && !ec;) {
    const unsigned piece = std::min(left, 1000u);
    char head[16];
    std::snprintf(head, sizeof head, "%x\r\n", piece);
    s.write_all({head, std::string(piece, 'o'), "\r\n"}, ec);
    left -= piece;
  }
  s.write_all("0\r\n\r\n", ec);
}

int check() {
  auto listener = net::tcp_listener::listen(net::address::loopback_ipv4(0));
  stillpoint::go([&listener] {
    std::error_code ec;
    while (auto s = listener.accept(ec))
      stillpoint::go([s = std::move(s)]() mutable { answer(std::move(s)); });
  });
  const std::string server = "http://" + listener.local_address().to_string();
  const std::vector<std::string> addresses{server + "/300/20",     server + "/300/31", server + "/300/1000000",
                                           server + "/50/1000001", server + "/0/0",    server + "/nothing"};
  const std::size_t sizes[] = {20, 31, 1'000'000, 1'000'001, 0, 0};
  std::vector<page> pages;
  const auto start = net::clock::now();
  int wrong = download_all(addresses, pages);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(net::clock::now() - start).count();
  for (std::size_t i = 0; i < pages.size(); ++i)
    wrong += pages[i].body.size() != sizes[i] || pages[i].status.find(i == 5 ? " 404 " : " 200 ") == std::string::npos;
  listener.close();
  std::printf("%zu pages at the same time in %lld ms; one after another they take at least 950 ms\n", pages.size(),
              static_cast<long long>(took));
  std::printf("%s\n", wrong == 0 ? "all as expected" : "something is WRONG");
  return wrong == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
  const std::vector<std::string> addresses(argv + 1, argv + argc);
  return stillpoint::run([&] {
    std::vector<page> pages;
    return addresses.empty() ? check() : download_all(addresses, pages) == 0 ? 0 : 1;
  });
}
