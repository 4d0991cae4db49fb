// The client by TLS, with a CA of the test's own: whom it believes, and what it says when it does not.
#include "certificates.hpp"
#include "scripted_origin.hpp"

using namespace fusebox;
using namespace fusebox::http;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct tls_test : ::testing::Test {
    net::io_context io;
    test_ca ca, stranger;
};

TEST_F(tls_test, talks_to_whom_it_asked_for) {
    auto server = ca.server_context("IP:127.0.0.1");
    scripted_origin origin{io, &server};
    origin.answers(ok);
    origin.answers(ok);
    asking client{io, {.ca_file = ca.file()}};
    const auto got = client.get(origin.url());
    ASSERT_TRUE(got.has_value()) << got.error().message;
    EXPECT_EQ(got->body, "ok");
    EXPECT_EQ(client.get(origin.url())->body, "ok");
    EXPECT_EQ(origin.connections, 1) << "and keeps the connection";
}

TEST_F(tls_test, names_whom_it_asks_for) {
    auto server = ca.server_context("DNS:localhost");
    std::string named;
    SSL_CTX_set_tlsext_servername_arg(server.native_handle(), &named);
    SSL_CTX_set_tlsext_servername_callback(
        server.native_handle(), +[](SSL* ssl, int*, void* into) {
            const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
            *static_cast<std::string*>(into) = name != nullptr ? name : "";
            return SSL_TLSEXT_ERR_OK;
        });
    scripted_origin origin{io, &server};
    origin.answers(ok);
    asking client{io, {.ca_file = ca.file()}};
    const auto got = client.get("https://localhost:" + std::to_string(origin.port()));
    ASSERT_TRUE(got.has_value()) << got.error().message;
    EXPECT_EQ(named, "localhost");
}

TEST_F(tls_test, refuses_a_certificate_for_another_name) {
    for (const char* named : {"DNS:other.example", "IP:127.0.0.2"}) {
        auto server = ca.server_context(named);
        scripted_origin origin{io, &server};
        asking client{io, {.ca_file = ca.file()}};
        const auto why = client.failure(request{"GET", origin.url()});
        EXPECT_EQ(why.code, http_errc::tls);
        EXPECT_TRUE(why.message.starts_with("the certificate of 127.0.0.1 is for another name")) << why.message;
        EXPECT_TRUE(origin.heard.empty()) << "and nothing is told it";
    }
}

TEST_F(tls_test, refuses_a_certificate_of_an_unknown_ca) {
    auto server = stranger.server_context("IP:127.0.0.1");
    scripted_origin origin{io, &server};
    asking knows_another{io, {.ca_file = ca.file()}};
    asking knows_the_systems{io};
    for (asking* client : {&knows_another, &knows_the_systems}) {
        const auto why = client->failure(request{"GET", origin.url()});
        EXPECT_EQ(why.code, http_errc::tls);
        EXPECT_EQ(why.message,
                  "the certificate of 127.0.0.1 comes from a CA that is not trusted here: name the CA's file in "
                  "client_options::ca_file");
    }
    EXPECT_TRUE(origin.heard.empty());
}

TEST_F(tls_test, says_what_else_is_wrong) {
    scripted_origin plain{io};
    plain.closes();
    asking client{io, {.connect_time = std::chrono::milliseconds{100}, .ca_file = ca.file()}};
    auto server = ca.server_context("IP:127.0.0.1", -1);
    scripted_origin old{io, &server};
    EXPECT_TRUE(client.failure(request{"GET", old.url()}).message.contains("has expired"));
    // It waits for the end of a request line, and hears none.
    EXPECT_EQ(client.failure(request{"GET", "https://" + plain.peer()}).code, http_errc::timeout);

    asking without{io, {.ca_file = "/nowhere/ca.pem"}};
    const auto why = without.failure(request{"GET", old.url()});
    EXPECT_EQ(why.code, http_errc::tls);
    EXPECT_TRUE(why.message.starts_with("the CA file '/nowhere/ca.pem' cannot be used")) << why.message;
}

// Without the proper end of TLS, somebody between may have cut the rest off.
TEST_F(tls_test, does_not_take_a_cut_answer_for_whole) {
    auto server = ca.server_context("IP:127.0.0.1");
    scripted_origin origin{io, &server};
    origin.answers_and_closes("HTTP/1.1 200 OK\r\n\r\nuntil the end, or not");
    asking client{io, {.ca_file = ca.file()}};
    EXPECT_EQ(client.failure(request{"GET", origin.url()}).code, http_errc::reset);
}

}  // namespace
