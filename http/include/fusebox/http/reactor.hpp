// Readiness of descriptors, and deadlines, for the one thread that runs an io_context.
//
// Asio asks the kernel anew for each wait (one epoll_ctl), or tries a read that it expects to fail. At a
// proxy's rate that is a fifth of its time. Here a descriptor is registered once, edge-triggered, in an
// epoll set of its own, which Asio watches like any other descriptor: so resolvers, timers and coroutines
// go on living in the same io_context.
//
// Edge-triggered means: after watch::ready() read, or write, until the socket says EAGAIN, and only then
// wait for the next edge. watch keeps the edges that were seen and not used up yet.
//
// Deadlines lie in a wheel of slots, one tick of 4 ms each, and are looked at once a tick: to set one and
// to move one costs a few instructions and no system call. They come late by up to a tick, never early.
//
// Whoever is called has a turn, and a turn is bounded: reads, heads and parts of bodies spend() what it may cost, and
// when turn_is_over(), one goes to the end of the line by later() and is called again like at an edge. Deadlines and
// others' edges are looked at in between, so that one connection that never runs dry does not hold the thread.
//
// Thread-safety: none. Everything happens in the thread that runs the io_context; one thread only.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/http/callback.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <system_error>

#include <sys/epoll.h>

namespace fusebox::http {

class reactor;

// Those whose deadlines lie in the same slot are linked in a ring, and so are those who wait for another turn.
class ring_link {
    friend class deadline;
    friend class watch;
    friend reactor;
    void unlink() noexcept {
        if (next_ == nullptr) return;
        previous_->next_ = next_;
        next_->previous_ = previous_;
        next_ = previous_ = nullptr;
    }
    ring_link* next_ = nullptr;
    ring_link* previous_ = nullptr;
};

// What a reactor knows of one descriptor. It calls `on_edge` when the kernel reports something new.
// Must not move while it is registered; whoever destroys it has called reactor::remove().
class watch : private ring_link {
public:
    explicit watch(callback on_edge) noexcept : on_edge_(on_edge) {}
    watch(const watch&) = delete;
    watch& operator=(const watch&) = delete;

    // Reading, or writing, may succeed. True until used_up.
    bool readable() const noexcept { return (seen_ & EPOLLIN) != 0; }
    bool writable() const noexcept { return (seen_ & EPOLLOUT) != 0; }
    // The peer will send no more (it may be at the bytes it sent before).
    bool peer_finished() const noexcept { return (seen_ & EPOLLRDHUP) != 0; }
    // Both directions are closed, or the connection was reset: nothing that is written arrives.
    bool gone() const noexcept { return (seen_ & (EPOLLHUP | EPOLLERR)) != 0; }

    void used_up_reading() noexcept { seen_ &= ~std::uint32_t{EPOLLIN}; }
    void used_up_writing() noexcept { seen_ &= ~std::uint32_t{EPOLLOUT}; }

private:
    friend reactor;
    callback on_edge_;
    std::uint32_t seen_ = 0;
};

// A deadline. Disarmed when destroyed.
class deadline : private ring_link {
public:
    explicit deadline(callback on_expiry) noexcept : on_expiry_(on_expiry) {}
    deadline(const deadline&) = delete;
    deadline& operator=(const deadline&) = delete;
    ~deadline() { disarm(); }

    bool armed() const noexcept { return next_ != nullptr; }
    time_point at() const noexcept { return at_; }
    void disarm() noexcept { unlink(); }

private:
    friend reactor;
    callback on_expiry_;
    time_point at_{};
};

// Something to be done once the callbacks that are running have returned: mostly the end of an object that
// somebody further up the stack may still look at.
class afterthought {
public:
    explicit afterthought(callback then) noexcept : then_(then) {}
    afterthought(const afterthought&) = delete;
    afterthought& operator=(const afterthought&) = delete;
    inline ~afterthought();

private:
    friend reactor;
    callback then_;
    afterthought* next_ = nullptr;
    reactor* waits_at_ = nullptr;
};

class reactor final : public boost::asio::execution_context::service {
public:
    inline static boost::asio::execution_context::id id;
    static constexpr duration tick = std::chrono::milliseconds{4};

    // The reactor of `io`, made at first use.
    static reactor& of(boost::asio::io_context& io);
    explicit reactor(boost::asio::execution_context& io);
    ~reactor() override;

    boost::asio::io_context& io() noexcept { return io_; }

    // Watches `fd`, which must be non-blocking, for everything, from now on. An edge for what is true
    // already follows.
    std::error_code add(int fd, watch& w) noexcept;
    // Leaves so many descriptors, of those that the process may have, to others: where fewer are free, add() refuses
    // as the system would without any (too_many_files_open).
    void spare_descriptors(int count) noexcept;
    // Forgets `w`: call it before the descriptor is closed.
    void remove(int fd, watch& w) noexcept;

    // -- Turns.

    // In bytes read or what takes as long: a turn, one message's head with its answer, one part of a body sent on.
    static constexpr std::int32_t turn = 131072;
    static constexpr std::int32_t price_of_head = 8192;
    static constexpr std::int32_t price_of_part = 1024;

    void spend(std::size_t bytes) noexcept {
        left_of_turn_ -= static_cast<std::int32_t>(bytes < std::size_t{turn} ? bytes : std::size_t{turn});
    }
    bool turn_is_over() const noexcept { return left_of_turn_ <= 0; }
    // Calls `w` back, once, when all others who wait have had their turn, as if an edge had come.
    void later(watch& w);

    // Whether this round has an edge for `w` that it was not told of yet.
    bool has_untold_edge(const watch& w) const noexcept;

    // The present; those who are woken together share one reading of the clock.
    time_point now() const noexcept { return in_round_ ? now_ : read_clock(); }

    // Takes the time from `clock`, which must outlive the reactor; for tests, and before any deadline is
    // armed. Deadlines are then looked at when look_at_deadlines() is called, and not by themselves.
    void use(const monotonic_clock& clock) noexcept {
        clock_ = &clock;
        turned_to_ = tick_of(read_clock());
    }
    void look_at_deadlines();

    // Calls `d` back at the first tick after `at`. Moves it when it is armed already.
    void arm(deadline& d, time_point at);
    void arm_in(deadline& d, duration from_now) { arm(d, saturating_add(now(), from_now)); }

    // For a thread that serves connections and little else: while more than one edge comes at once, waits up to
    // `d` for the next ones before Asio has its turn, which costs three system calls. What Asio has then (posts of
    // other threads, timers, deadlines) comes up to `d` and a millisecond late. 0, not at all, unless set.
    void linger(std::chrono::milliseconds d) noexcept { linger_ = d; }

    void after_this(afterthought& a);
    void forget(afterthought& a) noexcept;

    std::size_t watched() const noexcept { return watched_; }

private:
    static constexpr std::size_t slots = 1024;  // 4.1 s for a turn; what is further off is passed by
    static constexpr std::int64_t no_alarm = std::numeric_limits<std::int64_t>::max();
    static constexpr int batch = 256;
    static constexpr int rounds_in_a_row = 64;                              // then Asio has its turn, or
    static constexpr duration longest_turn = std::chrono::milliseconds{1};  // when so much time has passed

    void shutdown() override;
    time_point read_clock() const noexcept { return clock_ ? clock_->now() : steady_now(); }
    void wait_for_edges();
    void serve_edges();
    int take_edges(std::chrono::milliseconds within);
    void begin_round() noexcept;
    void end_round();
    void begin_turn() noexcept { left_of_turn_ = turn; }
    void post_later();
    void serve_later();
    void set_alarm();
    std::int64_t next_used_tick() const noexcept;
    void look_at(std::int64_t slot_tick);
    static std::int64_t tick_of(time_point t) noexcept { return t.time_since_epoch() / tick; }
    // The first tick at which what is due at `t` may be called.
    static std::int64_t due_tick(time_point t) noexcept { return tick_of(t - duration{1}) + 1; }

    boost::asio::io_context& io_;
    boost::asio::posix::stream_descriptor set_;
    boost::asio::steady_timer alarm_;
    std::size_t watched_ = 0;
    int first_spared_ = std::numeric_limits<int>::max();
    bool waiting_ = false;
    std::chrono::milliseconds linger_{0};

    const monotonic_clock* clock_ = nullptr;
    time_point now_{};
    bool in_round_ = false;
    bool posted_ = false;
    std::array<epoll_event, batch> events_;
    int next_event_ = 0, event_count_ = 0;  // of those, what is still to be told
    afterthought* first_ = nullptr;
    afterthought* last_ = nullptr;

    std::int32_t left_of_turn_ = turn;
    ring_link line_;  // of those who want another turn
    bool line_posted_ = false;

    std::array<ring_link, slots> wheel_;
    std::array<std::uint64_t, slots / 64> used_{};  // a bit for each slot that may hold something
    std::int64_t turned_to_;                        // all ticks before this one have been looked at
    std::int64_t alarm_at_ = no_alarm;              // the tick that the alarm is set for
};

afterthought::~afterthought() {
    if (waits_at_ != nullptr) waits_at_->forget(*this);
}

}  // namespace fusebox::http
