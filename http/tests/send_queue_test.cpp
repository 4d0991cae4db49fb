#include <fusebox/http/send_queue.hpp>
#include <fusebox/random.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>

#include <sys/socket.h>
#include <unistd.h>

using namespace fusebox;
using namespace fusebox::http;

namespace {

struct channel {
    boost::asio::io_context io{1};
    stream_socket near{reactor::of(io), on<&channel::edge>(this)};
    block_pool pool{4096};
    send_queue out{near, pool};
    int far = -1;
    int edges = 0;

    channel() {
        int both[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both), 0);
        const int small = 4096;
        ::setsockopt(both[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        EXPECT_FALSE(near.adopt(both[0]));
        far = both[1];
        io.run_one();
    }
    ~channel() { ::close(far); }
    void edge() {
        ++edges;
        out.flush();
    }
    std::string take(std::size_t most) const {
        std::string got(most, '\0');
        const ssize_t n = ::read(far, got.data(), most);
        got.resize(n > 0 ? std::size_t(n) : 0);
        return got;
    }
};

iovec piece(const std::string& s) {
    return {const_cast<char*>(s.data()), s.size()};
}

}  // namespace

TEST(send_queue, sends_at_once_what_the_socket_takes) {
    channel c;
    const std::string hello = "hello ", world = "world";
    const std::array pieces{piece(hello), piece(world)};
    EXPECT_TRUE(c.out.send(pieces));
    EXPECT_EQ(c.out.pending(), 0u);
    EXPECT_EQ(c.out.sent(), 11u);
    EXPECT_EQ(c.take(100), "hello world");
    EXPECT_EQ(c.pool.in_use(), 0u) << "nothing was copied";
}

TEST(send_queue, keeps_the_rest_and_its_order) {
    channel c;
    splitmix64 random{7};
    std::string sent, got;
    for (int i = 0; i < 400; ++i) {
        std::array<std::string, 3> texts;
        std::array<iovec, 3> pieces;
        for (int k = 0; k < 3; ++k) {
            texts[k] = std::string(random.next() % 3000, char('a' + random.next() % 26));
            sent += texts[k];
            pieces[k] = piece(texts[k]);
        }
        ASSERT_TRUE(c.out.send(pieces));
        for (int k = int(random.next() % 4); k > 0; --k) {
            got += c.take(random.next() % 6000);
            c.io.poll();
        }
    }
    EXPECT_GT(c.out.pending(), 0u) << "the peer was never slow: the test has shown nothing";
    for (std::string more; got.size() < sent.size(); got += more) {
        more = c.take(65536);
        c.io.poll();
    }
    EXPECT_TRUE(got == sent);
    EXPECT_EQ(c.out.pending(), 0u);
    EXPECT_EQ(c.out.sent(), sent.size());
    EXPECT_EQ(c.pool.in_use(), 0u);
}

TEST(send_queue, says_that_the_connection_is_broken) {
    channel c;
    ::shutdown(c.far, SHUT_RDWR);
    const std::string text = "anybody there?";
    const std::array pieces{piece(text)};
    EXPECT_FALSE(c.out.send(pieces));
    EXPECT_EQ(c.out.error(), EPIPE);
    EXPECT_FALSE(c.out.send(pieces)) << "and stays so";
}

TEST(send_queue, gives_its_blocks_back_when_it_is_dropped) {
    channel c;
    const std::string much(1 << 20, 'x');
    const std::array pieces{piece(much)};
    EXPECT_TRUE(c.out.send(pieces));
    EXPECT_GT(c.pool.in_use(), 100u);
    c.out.reset();
    EXPECT_EQ(c.pool.in_use(), 0u);
    EXPECT_EQ(c.out.pending(), 0u);
}
