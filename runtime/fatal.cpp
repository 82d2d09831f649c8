// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See fatal.h.
#include "fatal.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace stillpoint::rt {

message &message::operator<<(std::string_view text) noexcept {
  const std::size_t fits = std::min(text.size(), sizeof text_ - size_);
  std::memcpy(text_ + size_, text.data(), fits);
  size_ += fits;
  return *this;
}

message &message::operator<<(std::uint64_t number) noexcept {
  char digits[20];
  std::size_t at = sizeof digits;
  do {
    digits[--at] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  return *this << std::string_view(digits + at, sizeof digits - at);
}

message &message::hex(std::uint64_t number) noexcept {
  char digits[18];
  std::size_t at = sizeof digits;
  do {
    digits[--at] = "0123456789abcdef"[number & 15];
    number >>= 4;
  } while (number != 0);
  digits[--at] = 'x';
  digits[--at] = '0';
  return *this << std::string_view(digits + at, sizeof digits - at);
}

void message::print() const noexcept {
  constexpr std::string_view prefix = "stillpoint: ";
  char line[sizeof prefix + sizeof text_ + 16];
  std::memcpy(line, prefix.data(), prefix.size());
  std::memcpy(line + prefix.size(), text_, size_);
  std::size_t size = prefix.size() + size_;
  line[size++] = '\n';
  const int saved = errno;
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = write(STDERR_FILENO, line + done, size - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    done += static_cast<std::size_t>(n);
  }
  errno = saved;
}

namespace {
constinit std::atomic<bool> said{false};
}

void say_last_words(const message &m) noexcept {
  m.print();
  said.store(true, std::memory_order_relaxed); // for this thread's own abort: no pair
}

bool last_words_said() noexcept { return said.load(std::memory_order_relaxed); }

void fatal(const message &m) noexcept {
  say_last_words(m);
  std::abort();
}

void fatal(std::string_view text) noexcept { fatal(message() << text); }

void fatal_setting(const message &m) noexcept {
  m.print();
  _exit(2);
}

} // namespace stillpoint::rt
