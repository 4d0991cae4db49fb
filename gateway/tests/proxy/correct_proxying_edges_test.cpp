// Correct proxying, by the numbers of docs/correct-proxying.md: what few clients and origins do, and some mean ill by.
#include "raw_peers.hpp"

namespace fusebox::gateway {

TEST_F(proxying, line_31_a_refused_head_request_gets_no_body_either) {
    for (const char* lines : {"Host: b\r\n", "X : y\r\n", "Content-Length: x\r\n", "Expect: x\r\n"}) {
        peer& c = client();
        send(c, "HEAD / HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n");
        EXPECT_THAT(head(c), StartsWith("HTTP/1.1 4")) << lines;
        EXPECT_EQ(rest(c), "") << lines;
        EXPECT_TRUE(ends(c)) << lines;
    }
}

TEST_F(proxying, line_27_a_405_says_what_is_allowed) {
    for (const char* line : {"TRACE / HTTP/1.1", "CONNECT a:80 HTTP/1.1"}) {
        const std::string h = refused(std::string(line) + "\r\nHost: a\r\n\r\n");
        EXPECT_THAT(h, StartsWith("HTTP/1.1 405")) << line;
        EXPECT_THAT(h, HasSubstr("\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n")) << line;
    }
}

}  // namespace fusebox::gateway
