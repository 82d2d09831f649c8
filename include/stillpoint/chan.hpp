// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channels: values handed from task to task, one at a time.
//
// Problem: a value goes from one task's stack to another's, or through a buffer, and the collector must see the references in it at every moment.
//
// Mechanism: chan<T> is a counted pointer to the runtime's channel, which knows T by a table of four functions, made here, in managed code. The
// runtime, under the channel's lock or with the partner parked, calls them to move a value from one described place to another: the sender's
// variable, a slot of the buffer (rooted memory, if T holds references), the receiver's std::optional<T>. Values of at most two words that are
// trivially copyable hold no references (gc::ref is not trivially copyable) and are copied as words, without a call.
//
// Invariants: no reference is only in the runtime's memory at any time. The channel's memory is not touched after its lock was given back for the last
// time, so whoever has received the last value may let go of the channel.
//
// Rejected: values in nodes of the heap (an allocation for each); a collected channel object (channels are made and used outside of tasks, too).
#ifndef STILLPOINT_CHAN_HPP
#define STILLPOINT_CHAN_HPP

#include <stillpoint/export.hpp>
#include <stillpoint/task.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace stillpoint {

/// Thrown by a send on a closed channel, and by close() of one that is closed or null (Go panics).
class STILLPOINT_API closed_channel : public std::logic_error {
public:
  using std::logic_error::logic_error;
  ~closed_channel() override;
};

namespace detail {

// How the runtime handles values of a type.
struct element_type {
  std::size_t size;                                  // of a slot in a buffer
  void (*store)(void *slot, void *value) noexcept;   // makes a T in `slot` of *value. Null: 8 or 16 bytes are copied, here and below
  void (*deliver)(void *into, void *value) noexcept; // the same for a std::optional<T>
  void (*discard)(void *slot) noexcept;              // destroys it, and forgets its references
  void *(*obtain)(std::size_t slots);                // memory for a buffer; throws std::bad_alloc
  void (*give_back)(void *buffer) noexcept;
};

// The public part of the runtime's channel.
struct channel {
  std::atomic<std::size_t> handles{1};
  std::atomic<std::size_t> count{0}; // values in the buffer; changes under the channel's lock
  std::size_t capacity = 0;
};

enum class attempt : unsigned char { done, closed, would_wait };

// A null channel is allowed in all of them but the first and last. `value` is moved from, `into` is empty; send throws closed_channel, receive
// returns false if the channel is closed.
STILLPOINT_API channel *new_channel(const element_type &type, std::size_t capacity);
STILLPOINT_API void send(channel *to, void *value);
STILLPOINT_API bool receive(channel *from, void *into);
STILLPOINT_API bool try_send(channel *to, void *value);
STILLPOINT_API attempt try_receive(channel *from, void *into);
STILLPOINT_API void close(channel *c);
STILLPOINT_API void destroy_channel(channel *c) noexcept;

// Small values without references, as the runtime copies them.
template <class T>
inline constexpr bool travels_as_words = std::is_trivially_copyable_v<T> && sizeof(T) <= 2 * sizeof(std::uint64_t);

template <class T>
struct words {
  std::array<std::uint64_t, (sizeof(T) > sizeof(std::uint64_t) ? 2 : 1)> word{};

  words() = default;
  explicit words(const T &value) noexcept { std::memcpy(word.data(), std::addressof(value), sizeof(T)); }
  T value() const noexcept {
    std::array<std::byte, sizeof(T)> bytes;
    std::memcpy(bytes.data(), word.data(), sizeof(T));
    return std::bit_cast<T>(bytes);
  }
};

// What a value is received into.
template <class T>
using landing = std::conditional_t<travels_as_words<T>, words<T>, std::optional<T>>;
// What a value is sent from.
template <class T>
using cargo = std::conditional_t<travels_as_words<T>, words<T>, T>;

template <class T>
void store_element(void *slot, void *value) noexcept {
  ::new (slot) T(std::move(*static_cast<T *>(value)));
}
template <class T>
void deliver_element(void *into, void *value) noexcept {
  static_cast<std::optional<T> *>(into)->emplace(std::move(*static_cast<T *>(value)));
}
template <class T>
void discard_element(void *slot) noexcept {
  std::destroy_at(static_cast<T *>(slot));
#ifdef __STILLPOINT__
  if constexpr (may_hold_references<T>)
    if (layout_with_references<T>())
      std::memset(slot, 0, sizeof(T)); // ~ref() leaves its word behind
#endif
}

template <class T>
void *allocate_slots(std::size_t count) {
#ifdef __STILLPOINT__
  if constexpr (may_hold_references<T>)
    if (abi::layout *layout = layout_with_references<T>())
      return gc::detail::allocate_rooted(*layout, count);
#endif
  return ::operator new(count * sizeof(cargo<T>), std::align_val_t(alignof(cargo<T>)));
}
template <class T>
void give_back_slots(void *buffer) noexcept {
#ifdef __STILLPOINT__
  if constexpr (may_hold_references<T>)
    if (layout_with_references<T>())
      return gc::detail::free_rooted(buffer);
#endif
  ::operator delete(buffer, std::align_val_t(alignof(cargo<T>)));
}

template <class T>
inline constexpr element_type type_of_element = {
    sizeof(cargo<T>),
    travels_as_words<T> ? nullptr : &store_element<T>,
    travels_as_words<T> ? nullptr : &deliver_element<T>,
    travels_as_words<T> ? nullptr : &discard_element<T>,
    &allocate_slots<T>,
    &give_back_slots<T>,
};

template <class T>
std::optional<T> received(bool done, landing<T> &from) {
  if constexpr (travels_as_words<T>)
    return done ? std::optional<T>(from.value()) : std::nullopt;
  else
    return std::move(from);
}

template <class T>
std::optional<T> receive(channel *from) {
  if constexpr (travels_as_words<T>) {
    words<T> value;
    const bool done = receive(from, &value);
    return received<T>(done, value);
  } else {
    std::optional<T> value;
    receive(from, &value);
    return value;
  }
}

// A counted pointer to a channel, or null.
class channel_handle {
public:
  constexpr channel_handle() noexcept = default;
  explicit channel_handle(channel *adopted) noexcept : channel_(adopted) {}
  channel_handle(const channel_handle &other) noexcept : channel_(other.channel_) {
    if (channel_)
      channel_->handles.fetch_add(1, std::memory_order_relaxed); // whoever copies has one: it does not end meanwhile
  }
  channel_handle(channel_handle &&other) noexcept : channel_(std::exchange(other.channel_, nullptr)) {}
  channel_handle &operator=(channel_handle other) noexcept {
    std::swap(channel_, other.channel_);
    return *this;
  }
  ~channel_handle() {
    // Release and acquire: pairs with itself. What others did with the channel comes before its end.
    if (channel_ && channel_->handles.fetch_sub(1, std::memory_order_acq_rel) == 1)
      destroy_channel(channel_);
  }
  [[nodiscard]] channel *get() const noexcept { return channel_; }
  [[nodiscard]] channel *release() noexcept { return std::exchange(channel_, nullptr); }

private:
  channel *channel_ = nullptr;
};

} // namespace detail

/// What travels through a channel: an object type whose move constructor and destructor do not throw. Wrap others in std::unique_ptr or
/// gc::ref. They run while the channel is locked: they must not wait, and not use channels.
template <class T>
concept sendable = std::is_object_v<T> && !std::is_array_v<T> && std::is_same_v<T, std::remove_cv_t<T>> &&
                   std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>;

template <class T>
class chan;
template <class T>
class chan_sender;
template <class T>
class chan_receiver;

namespace detail {

// What all three kinds of handle have.
template <class T>
class any_chan {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "values of a channel are moved while it is locked: T's move constructor and destructor must be noexcept. Send a "
                "std::unique_ptr<T> or gc::ref<T> instead");
  static_assert(sendable<T>, "a channel's T is an object type, not const, no array");

public:
  using value_type = T;

  /// Not null.
  explicit operator bool() const noexcept { return handle_.get() != nullptr; }
  /// Values in the buffer now; 0 for a null channel (Go's len).
  [[nodiscard]] std::size_t size() const noexcept {
    const channel *const c = handle_.get();
    return c ? c->count.load(std::memory_order_relaxed) : 0;
  }
  /// How many values the buffer takes; 0 for an unbuffered or null channel (Go's cap).
  [[nodiscard]] std::size_t capacity() const noexcept {
    const channel *const c = handle_.get();
    return c ? c->capacity : 0;
  }

  // Not for users.
  [[nodiscard]] channel *core() const noexcept { return handle_.get(); }
  [[nodiscard]] const channel_handle &handle() const noexcept { return handle_; }

protected:
  any_chan() noexcept = default;
  explicit any_chan(channel_handle handle) noexcept : handle_(std::move(handle)) {}

private:
  channel_handle handle_;
};

template <class Self, class T>
class send_side {
public:
  /// Sends `value`. Unbuffered: waits until somebody has received it; buffered: until there is room; on a null channel for ever. Senders
  /// are served in the order in which they came.
  /// Throws closed_channel if the channel is closed, also while it waits. Any thread as long as there is no need to wait; to wait outside
  /// of a task throws std::logic_error. Not for signal handlers.
  void send(T value) const {
    if constexpr (travels_as_words<T>) {
      words<T> copy(value);
      detail::send(to(), &copy);
    } else {
      detail::send(to(), std::addressof(value));
    }
  }

  /// Sends `value` if that needs no waiting; false if it would: `value` is what it was. Throws closed_channel. Any thread.
  bool try_send(T &&value) const {
    if constexpr (travels_as_words<T>) {
      words<T> copy(value);
      return detail::try_send(to(), &copy);
    } else {
      return detail::try_send(to(), std::addressof(value));
    }
  }
  bool try_send(const T &value) const
    requires std::is_copy_constructible_v<T>
  {
    T copy(value);
    return try_send(std::move(copy));
  }

  /// No more values come. What is in the buffer can still be received; those who wait for more, now or later, learn that it is closed. Throws
  /// closed_channel if it was closed already, or is null. Any thread.
  void close() const { detail::close(to()); }

private:
  channel *to() const noexcept { return static_cast<const Self *>(this)->core(); }
};

template <class Self, class T>
class receive_side {
public:
  /// The next value; std::nullopt if the channel is closed and nothing is left in it (Go's `v, ok := <-c`). Waits until there is one; on a null
  /// channel for ever. Receivers are served in the order in which they came.
  /// Any thread as long as there is no need to wait; to wait outside of a task throws std::logic_error. Not for signal handlers.
  std::optional<T> receive() const { return detail::receive<T>(from()); }

  /// The next value if there is one now; std::nullopt if not, or if the channel is closed. Any thread.
  std::optional<T> try_receive() const {
    std::optional<T> value;
    try_receive(value);
    return value;
  }
  /// The same, and tells the difference: false if there is nothing yet; true with a value in `into`, or with none if the channel is closed.
  bool try_receive(std::optional<T> &into) const {
    into.reset();
    if constexpr (travels_as_words<T>) {
      words<T> value;
      const attempt how = detail::try_receive(from(), &value);
      if (how == attempt::done)
        into.emplace(value.value());
      return how != attempt::would_wait;
    } else {
      return detail::try_receive(from(), std::addressof(into)) != attempt::would_wait;
    }
  }

  /// for (auto &&value : c): receives until the channel is closed and empty (Go's range). An input iterator: it holds the current value.
  class iterator {
  public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    explicit iterator(channel *from) : from_(from), value_(detail::receive<T>(from)) {}
    T &operator*() const noexcept { return *value_; }
    iterator &operator++() {
      value_.reset();
      if (std::optional<T> next = detail::receive<T>(from_))
        value_.emplace(std::move(*next));
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator &i, std::default_sentinel_t) noexcept { return !i.value_.has_value(); }

  private:
    channel *from_;
    mutable std::optional<T> value_;
  };
  iterator begin() const { return iterator(from()); }
  std::default_sentinel_t end() const noexcept { return {}; }

private:
  channel *from() const noexcept { return static_cast<const Self *>(this)->core(); }
};

} // namespace detail

/// A channel of values of type T, as Go's `chan T`. A handle: copies are the same channel, which lives as long as one of them. Default
/// constructed it is null: sending and receiving wait for ever, in a select it is never ready.
///
/// What happened before a send is visible after the receive of its value; what happened before a receive from an unbuffered channel, after the
/// return of its send; what happened before close(), after a receive that says so. One handle is used by one thread at a time where it is assigned to;
/// channels are used by any number.
///
/// A select (<stillpoint/select.hpp>) waits for several channels at once.
template <class T>
class chan : public detail::any_chan<T>, public detail::send_side<chan<T>, T>, public detail::receive_side<chan<T>, T> {
public:
  using sender = chan_sender<T>;
  using receiver = chan_receiver<T>;

  chan() noexcept = default;
  /// A new channel that buffers `capacity` values; 0: unbuffered, sender and receiver meet. Any thread. Throws std::length_error, std::bad_alloc.
  explicit chan(std::size_t capacity)
      : detail::any_chan<T>(detail::channel_handle(detail::new_channel(detail::type_of_element<T>, capacity))) {}

  /// The same channel.
  friend bool operator==(const chan &a, const chan &b) noexcept { return a.core() == b.core(); }
};

/// The sending end of a channel, as Go's `chan<- T`.
template <class T>
class chan_sender : public detail::any_chan<T>, public detail::send_side<chan_sender<T>, T> {
public:
  chan_sender() noexcept = default;
  chan_sender(const chan<T> &c) noexcept : detail::any_chan<T>(c.handle()) {}
  friend bool operator==(const chan_sender &a, const chan_sender &b) noexcept { return a.core() == b.core(); }
};

/// The receiving end of a channel, as Go's `<-chan T`.
template <class T>
class chan_receiver : public detail::any_chan<T>, public detail::receive_side<chan_receiver<T>, T> {
public:
  chan_receiver() noexcept = default;
  chan_receiver(const chan<T> &c) noexcept : detail::any_chan<T>(c.handle()) {}
  friend bool operator==(const chan_receiver &a, const chan_receiver &b) noexcept { return a.core() == b.core(); }
};

/// A new channel; Go's make(chan T, capacity).
template <class T>
[[nodiscard]] chan<T> make_chan(std::size_t capacity = 0) {
  return chan<T>(capacity);
}

} // namespace stillpoint

#endif
