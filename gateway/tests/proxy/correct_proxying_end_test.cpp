// Correct proxying, by the numbers of docs/correct-proxying.md: how connections and the gateway end.
#include "raw_peers.hpp"

namespace fusebox::gateway {

constexpr std::string_view refused_at_once = "POST / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n";

TEST_F(proxying, line_45_an_early_error_is_not_lost_to_what_the_client_still_sends) {
    peer& c = client();
    send(c, refused_at_once);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 400"));
    for (int i = 0; i < 10; ++i) send(c, std::string(10'000, 'x'));
    EXPECT_TRUE(ends(c));
    EXPECT_FALSE(c.reset) << "what was sent behind it was read, and discarded";
    EXPECT_EQ(gateway_->server().connections(), 1u);
    close(c);
    EXPECT_TRUE(until([&] { return gateway_->server().connections() == 0; }));
    EXPECT_FALSE(origin_is_asked());
}

TEST_F(proxying, line_45_lingering_is_bounded_in_time_and_in_bytes) {
    peer& silent = client();
    send(silent, refused_at_once);
    EXPECT_THAT(head(silent), StartsWith("HTTP/1.1 400"));
    pass(1900ms);
    EXPECT_EQ(gateway_->server().connections(), 1u);
    pass(200ms);
    EXPECT_EQ(gateway_->server().connections(), 0u);

    peer& busy = client();
    send(busy, refused_at_once);
    EXPECT_THAT(head(busy), StartsWith("HTTP/1.1 400"));
    const std::string part(16'384, 'x');
    EXPECT_TRUE(until([&] {
        (void)::send(busy.fd, part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return gateway_->server().connections() == 0;
    }));
}

TEST_F(proxying, line_55_draining_under_load_loses_no_request) {
    constexpr int each = 8;
    std::vector<peer*> asking, halfway, idle, unaccepted;
    std::vector<peer*> origins;
    for (int i = 0; i < each; ++i) {
        send(*asking.emplace_back(&client()), get);
        head(*origins.emplace_back(&origin()));
        send(*halfway.emplace_back(&client()), get.substr(0, 10));
        idle.push_back(&client());
    }
    settle();
    for (int i = 0; i < each; ++i) {
        unaccepted.push_back(&client());  // waits in the kernel's queue
        ASSERT_EQ(::send(unaccepted.back()->fd, get.data(), get.size(), MSG_NOSIGNAL), ssize_t(get.size()));
    }

    gateway_->drain(30s);
    for (peer* p : origins) send(*p, ok);
    for (peer* p : halfway) send(*p, get.substr(10));
    const auto served = [&](peer& p) {
        // Those that came late may ask on a connection that others have left.
        return until([&] {
            take_in(p);
            for (peer* o : origins) {
                take_in(*o);
                const auto asked = o->got.find("\r\n\r\n");
                if (asked == std::string::npos) continue;
                o->got.erase(0, asked + 4);
                (void)::send(o->fd, ok.data(), ok.size(), MSG_NOSIGNAL);
            }
            if (is_asked(origin_)) origins.push_back(&origin());
            return p.ended;
        });
    };
    for (const auto& all : {asking, halfway, unaccepted})
        for (peer* p : all) {
            EXPECT_TRUE(served(*p));
            EXPECT_FALSE(p->reset);
            EXPECT_THAT(p->got, StartsWith("HTTP/1.1 200"));
            EXPECT_THAT(p->got, HasSubstr("Connection: close"));
            EXPECT_THAT(p->got, EndsWith("ok"));
            close(*p);
        }
    pass(3s);
    for (peer* p : idle) EXPECT_TRUE(ends(*p)) << "who did not ask is let go";
    pass(3s);
    EXPECT_EQ(gateway_->server().connections(), 0u);
}

namespace {

// The count of the requests in a stream of bytes, by a reader that shares no code with ours;
// -1 if that is no whole number.
int requests_in(std::string_view bytes) {
    int found = 0;
    while (!bytes.empty()) {
        const auto end = bytes.find("\r\n\r\n");
        if (end == bytes.npos) return -1;
        const std::string head = [&] {
            std::string h{bytes.substr(0, end + 2)};
            for (char& c : h) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            return h;
        }();
        bytes.remove_prefix(end + 4);
        const auto length = head.find("\r\ncontent-length:");
        const bool chunked = head.find("\r\ntransfer-encoding:") != head.npos;
        if (length != head.npos && chunked) return -1;
        std::size_t left = length == head.npos ? 0 : std::strtoul(head.c_str() + length + 17, nullptr, 10);
        while (chunked) {
            const std::size_t size = std::strtoul(std::string{bytes.substr(0, 17)}.c_str(), nullptr, 16);
            const auto line = bytes.find("\r\n");
            if (line == bytes.npos || bytes.size() < line + 4 + size) return -1;
            if (size == 0) {  // and perhaps trailer fields
                const auto last = bytes.find("\r\n\r\n", line);
                if (last == bytes.npos) return -1;
                bytes.remove_prefix(last + 4);
                break;
            }
            if (bytes.substr(line + 2 + size, 2) != "\r\n") return -1;
            bytes.remove_prefix(line + 4 + size);
        }
        if (bytes.size() < left) return -1;
        bytes.remove_prefix(left);
        ++found;
    }
    return found;
}

}  // namespace

TEST_F(proxying, line_57_the_same_bytes_are_as_many_requests_here_and_at_the_origin) {
    constexpr std::string_view requests[] = {
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
        "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nbody\r\n0\r\nT: u\r\n\r\n",
        "\r\nDELETE http://b/d HTTP/1.1\r\nHost: a\r\nConnection: x\r\nContent-Length: 0\r\n\r\n",
    };
    constexpr std::string_view odd{"\r\n \t:;,0159aAfF\0\x7f\xff/", 19};
    route().timeout.total = route().timeout.per_try = 1h;
    splitmix64 random{57};
    int changed_and_served = 0;
    for (int round = 0; round < 300; ++round) {
        std::string bytes;
        for (int i = 0; i < 4; ++i) bytes += requests[random.next() % std::size(requests)];
        const bool change = round % 4 != 0;
        if (change) bytes[random.next() % bytes.size()] = odd[random.next() % odd.size()];
        peer& c = client();
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t piece = std::min<std::size_t>(1 + random.next() % 80, bytes.size() - at);
            (void)::send(c.fd, bytes.data() + at, piece, MSG_NOSIGNAL);
            settle();
            at += piece;
        }
        ::shutdown(c.fd, SHUT_WR);
        // The origin answers whatever looks whole to it, and closes: each of its connections has one request.
        int asked = 0;
        until([&] {
            while (is_asked(origin_)) {
                peer& o = origin();
                bool whole = false;
                until([&] {
                    take_in(o);
                    return (whole = requests_in(o.got) >= 1) || o.ended;
                });
                if (whole) {
                    settle();
                    take_in(o);
                    EXPECT_EQ(requests_in(o.got), 1) << o.got;
                    ++asked;
                    send(o, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
                }
                close(o);
            }
            take_in(c);
            return c.ended;
        });
        EXPECT_TRUE(c.ended);
        int served = 0;
        for (std::size_t at = 0; (at = c.got.find("HTTP/1.1 200", at)) != std::string::npos; ++at) ++served;
        EXPECT_EQ(served, asked) << bytes;
        if (!change) {
            EXPECT_EQ(served, 4) << bytes;
        }
        changed_and_served += change ? served : 0;
        close(c);
    }
    EXPECT_GT(changed_and_served, 100) << "changed bytes are not all refused, or this shows nothing";
}

}  // namespace fusebox::gateway
