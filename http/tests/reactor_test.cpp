#include <fusebox/http/reactor.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace fusebox;
using namespace fusebox::http;
using namespace std::chrono_literals;

namespace {

// A pair of connected sockets; what one writes the other reads.
struct wire {
    int near = -1, far = -1;
    wire() {
        int both[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both), 0);
        near = both[0];
        far = both[1];
    }
    ~wire() {
        ::close(near);
        if (far >= 0) ::close(far);
    }
    void send(std::string_view text) const { ASSERT_EQ(::write(far, text.data(), text.size()), ssize_t(text.size())); }
    void hang_up() { ::close(std::exchange(far, -1)); }
};

// Reads all there is whenever an edge comes.
struct reader {
    wire w;
    reactor& loop;
    watch watched{on<&reader::edge>(this)};
    std::string got;
    int edges = 0;
    explicit reader(reactor& r) : loop(r) { EXPECT_FALSE(loop.add(w.near, watched)); }
    ~reader() { loop.remove(w.near, watched); }
    void edge() {
        ++edges;
        char buffer[64];
        while (watched.readable()) {
            const ssize_t n = ::read(w.near, buffer, sizeof buffer);
            if (n > 0) got.append(buffer, std::size_t(n));
            else watched.used_up_reading();
        }
    }
};

struct bell {
    std::vector<int>& rung;
    int number;
    deadline at{on<&bell::ring>(this)};
    bell(std::vector<int>& list, int n) : rung(list), number(n) {}
    void ring() { rung.push_back(number); }
};

class reactor_test : public ::testing::Test {
protected:
    reactor_test() { loop.use(clock); }
    void pass(duration by) {
        clock.advance(by);
        loop.look_at_deadlines();
    }
    boost::asio::io_context io{1};
    reactor& loop = reactor::of(io);
    fusebox::testing::manual_clock clock{1h};
    std::vector<int> rung;
};

}  // namespace

TEST_F(reactor_test, tells_of_bytes_that_come_and_of_those_that_were_there) {
    reader r{loop};
    r.w.send("before");
    io.run_one();
    EXPECT_EQ(r.got, "before");
    r.w.send(" after");
    io.run_one();
    EXPECT_EQ(r.got, "before after");
    EXPECT_TRUE(r.watched.writable());
    EXPECT_FALSE(r.watched.peer_finished());
}

TEST_F(reactor_test, tells_a_peer_that_finished_from_one_that_is_gone) {
    reader r{loop};
    ::shutdown(r.w.far, SHUT_WR);
    io.run_one();
    EXPECT_TRUE(r.watched.peer_finished());
    EXPECT_FALSE(r.watched.gone());
    r.w.hang_up();
    io.run_one();
    EXPECT_TRUE(r.watched.gone());
}

TEST_F(reactor_test, forgets_who_was_removed_by_another_in_the_same_round) {
    auto second = std::make_unique<reader>(loop);
    struct remover : reader {
        std::unique_ptr<reader>& victim;
        watch other{on<&remover::remove>(this)};
        wire trigger;
        remover(reactor& r, std::unique_ptr<reader>& v) : reader(r), victim(v) {
            EXPECT_FALSE(loop.add(trigger.near, other));
        }
        ~remover() { loop.remove(trigger.near, other); }
        void remove() { victim.reset(); }
    };
    auto first = std::make_unique<remover>(loop, second);
    first->trigger.send("x");
    second->w.send("never read");
    io.run_one();
    EXPECT_EQ(second, nullptr);
}

TEST_F(reactor_test, lets_the_context_end_when_nothing_is_watched) {
    { reader r{loop}; }
    EXPECT_EQ(loop.watched(), 0u);
    io.run();  // returns
    reader again{loop};
    again.w.send("and begins anew");
    io.restart();
    io.run_one();
    EXPECT_EQ(again.got, "and begins anew");
}

TEST_F(reactor_test, calls_deadlines_in_order_and_never_early) {
    bell a{rung, 1}, b{rung, 2}, c{rung, 3};
    loop.arm_in(b.at, 20ms);
    loop.arm_in(a.at, 10ms);
    loop.arm_in(c.at, 1h);
    pass(10ms - 1ns);
    EXPECT_TRUE(rung.empty());
    pass(reactor::tick);
    EXPECT_EQ(rung, (std::vector{1}));
    pass(10ms);
    EXPECT_EQ(rung, (std::vector{1, 2}));
    pass(1h - 30ms);
    EXPECT_EQ(rung, (std::vector{1, 2}));
    pass(20ms);
    EXPECT_EQ(rung, (std::vector{1, 2, 3}));
    EXPECT_FALSE(c.at.armed());
}

TEST_F(reactor_test, passes_by_what_lies_in_a_later_turn_of_the_wheel) {
    bell a{rung, 1};
    loop.arm_in(a.at, 3 * 1024 * reactor::tick + 5ms);
    for (int i = 0; i < 3 * 1024; ++i) pass(reactor::tick);
    EXPECT_TRUE(rung.empty());
    pass(2 * reactor::tick + 1ms);
    EXPECT_EQ(rung, (std::vector{1}));
}

TEST_F(reactor_test, catches_up_after_a_pause_longer_than_a_turn) {
    bell a{rung, 1}, b{rung, 2};
    loop.arm_in(a.at, 1s);
    loop.arm_in(b.at, 1min);
    pass(10s);
    EXPECT_EQ(rung, (std::vector{1}));
    pass(1min);
    EXPECT_EQ(rung, (std::vector{1, 2}));
}

TEST_F(reactor_test, a_deadline_can_be_moved_disarmed_and_destroyed) {
    bell a{rung, 1}, b{rung, 2};
    auto c = std::make_unique<bell>(rung, 3);
    for (bell* each : {&a, &b, c.get()}) loop.arm_in(each->at, 10ms);
    loop.arm_in(a.at, 50ms);
    b.at.disarm();
    c.reset();
    pass(20ms);
    EXPECT_TRUE(rung.empty());
    pass(40ms);
    EXPECT_EQ(rung, (std::vector{1}));
}

TEST_F(reactor_test, a_deadline_may_arm_itself_again_and_end_its_neighbour) {
    struct restless {
        reactor& loop;
        std::unique_ptr<bell> neighbour;
        int times = 0;
        deadline at{on<&restless::ring>(this)};
        restless(reactor& r, std::vector<int>& list) : loop(r), neighbour(std::make_unique<bell>(list, 9)) {}
        void ring() {
            neighbour.reset();
            if (++times < 3) loop.arm(at, loop.now());
        }
    } r{loop, rung};
    loop.arm_in(r.at, 10ms);
    loop.arm_in(r.neighbour->at, 10ms);
    pass(12ms);
    EXPECT_EQ(r.times, 1) << "again in the next tick, not in an endless loop";
    pass(reactor::tick);
    pass(reactor::tick);
    EXPECT_EQ(r.times, 3);
    EXPECT_TRUE(rung.empty());
}

TEST_F(reactor_test, an_alarm_of_the_real_clock_wakes_the_context) {
    boost::asio::io_context real{1};
    reactor& its = reactor::of(real);
    bell a{rung, 1};
    const time_point began = steady_now();
    its.arm_in(a.at, 15ms);
    while (rung.empty()) real.run_one();
    EXPECT_GE(steady_now() - began, 15ms);
}

TEST_F(reactor_test, afterthoughts_come_when_the_round_is_over) {
    struct thinker {
        reactor& loop;
        std::vector<int>& list;
        afterthought then{on<&thinker::think>(this)};
        deadline at{on<&thinker::ring>(this)};
        void ring() {
            loop.after_this(then);
            loop.after_this(then);  // once is enough
            list.push_back(1);
        }
        void think() { list.push_back(2); }
    };
    thinker t{loop, rung}, u{loop, rung};
    loop.arm_in(t.at, 10ms);
    loop.arm_in(u.at, 10ms);
    pass(20ms);
    EXPECT_EQ(rung, (std::vector{1, 1, 2, 2}));
    loop.after_this(t.then);
    EXPECT_EQ(rung.size(), 4u) << "not from within the caller, even outside of a round";
    io.restart();
    io.run_one();
    EXPECT_EQ(rung.size(), 5u);
}
