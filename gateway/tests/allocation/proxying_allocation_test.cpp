// What a proxied request allocates: nothing, once its connections and buffers are there. A program of its own: it
// replaces operator new.
#include <fusebox/gateway/configuration_file.hpp>
#include <fusebox/gateway/engine.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

std::atomic<std::uint64_t> allocations{0};
thread_local bool counted = true;  // not on the threads of the client and the origin

void* allocate(std::size_t size, std::size_t alignment) {
    if (counted) allocations.fetch_add(1, std::memory_order_relaxed);
    const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
    if (void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded)) return memory;
    throw std::bad_alloc{};
}

}  // namespace

void* operator new(std::size_t size) {
    return allocate(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

namespace {

namespace gateway = fusebox::gateway;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    return at;
}

// Answers every request, which ends with `end`, with a kilobyte, on as many connections as come one after another.
class answering_origin {
public:
    explicit answering_origin(std::string_view end) : end_{end}, listening_{::socket(AF_INET, SOCK_STREAM, 0)} {
        sockaddr_in at = loopback(0);
        socklen_t size = sizeof at;
        EXPECT_EQ(::bind(listening_, reinterpret_cast<sockaddr*>(&at), size), 0);
        EXPECT_EQ(::listen(listening_, 8), 0);
        ::getsockname(listening_, reinterpret_cast<sockaddr*>(&at), &size);
        port = ntohs(at.sin_port);
        thread_ = std::thread{[this] { serve(); }};
    }
    ~answering_origin() {
        ::shutdown(listening_, SHUT_RDWR);
        thread_.join();
        ::close(listening_);
    }

    std::uint16_t port = 0;

private:
    void serve() const {
        counted = false;
        const std::string answer =
            "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\nContent-Type: text/plain\r\n"
            "Content-Length: 1024\r\n\r\n" +
            std::string(1024, 'x');
        for (int fd; (fd = ::accept(listening_, nullptr, nullptr)) >= 0; ::close(fd)) {
            std::string got;
            char bytes[4096];
            for (ssize_t n; (n = ::recv(fd, bytes, sizeof bytes, 0)) > 0;) {
                got.append(bytes, static_cast<std::size_t>(n));
                if (!got.ends_with(end_)) continue;
                got.clear();
                if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
            }
        }
    }

    std::string_view end_;
    int listening_;
    std::thread thread_;
};

class client {
public:
    explicit client(std::uint16_t port) : fd_{::socket(AF_INET, SOCK_STREAM, 0)} {
        const sockaddr_in at = loopback(port);
        EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    }
    ~client() { ::close(fd_); }
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    // Sends the request so many times, each after the answer to the one before.
    void ask(std::string_view request, int times) {
        for (int i = 0; i < times; ++i) {
            ASSERT_EQ(::send(fd_, request.data(), request.size(), MSG_NOSIGNAL), ssize_t(request.size()));
            std::string got;
            char bytes[4096];
            while (!got.ends_with(std::string(1024, 'x'))) {
                const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
                ASSERT_GT(n, 0) << got;
                got.append(bytes, static_cast<std::size_t>(n));
            }
            ASSERT_TRUE(got.starts_with("HTTP/1.1 200")) << got;
        }
    }

private:
    int fd_;
};

// The allocations of five hundred such requests through a gateway with one route, when a hundred came before.
std::uint64_t allocations_of(std::string_view request, std::string_view end, std::string_view policies,
                             std::string_view access_log = "none") {
    counted = false;
    const answering_origin behind{end};
    const auto read = gateway::read_configuration(
        "listen: \"127.0.0.1:0\"\nadmin: { listen: \"127.0.0.1:0\" }\naccess_log: " + std::string{access_log} +
            "\nupstreams:\n  it: { endpoints: [\"127.0.0.1:" + std::to_string(behind.port) +
            "\"] }\n"
            "routes:\n  - { match: { path_prefix: / }, upstream: it, " +
            std::string{policies} + " }\n",
        "it.yaml");
    EXPECT_TRUE(read) << read.error()[0].text();
    auto made = gateway::engine::make(read->value, {.workers = 1});
    EXPECT_TRUE(made) << made.error()[0].message();
    EXPECT_EQ((*made)->start(), std::nullopt);
    std::optional<client> c{std::in_place, (*made)->port()};
    c->ask(request, 100);
    const auto before = allocations.load();
    c->ask(request, 500);
    const auto after = allocations.load();
    c.reset();  // a connection that stays would be given seconds to end
    (*made)->stop();
    return after - before;
}

const std::string get =
    "GET /orders/7?full=1 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: test\r\nAccept: */*\r\n"
    "X-Request-Id: 5f0c4a\r\nX-Forwarded-For: 10.0.0.1\r\nCookie: a=b\r\n\r\n";
const std::string post =
    "POST /orders HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1024\r\n\r\n" + std::string(1023, 'y') + "z";

// The thread that judges endpoints allocates a little each second, whether there are requests or not.
constexpr std::uint64_t less_than_one_in_five_requests = 100;

}  // namespace

TEST(a_proxied_request, allocates_nothing_once_all_is_warm) {
    EXPECT_LT(allocations_of(get, "\r\n\r\n", "bulkhead: { max_concurrent: 100 }"), less_than_one_in_five_requests);
}

TEST(a_proxied_request, allocates_nothing_for_a_body_that_is_kept_for_another_try) {
    EXPECT_LT(allocations_of(post, "z", "bulkhead: { max_concurrent: 100 }"), less_than_one_in_five_requests);
}

TEST(a_proxied_request, allocates_nothing_for_a_hedge_that_is_not_sent) {
    EXPECT_LT(allocations_of(get, "\r\n\r\n", "hedge: { delay: 10s, quantile: 99% }, timeout: { per_try: 9s }"),
              less_than_one_in_five_requests);
}

TEST(a_proxied_request, allocates_nothing_for_its_line_in_the_log) {
    EXPECT_LT(allocations_of(get, "\r\n\r\n", "bulkhead: { max_concurrent: 100 }", "/dev/null"),
              less_than_one_in_five_requests);
}
