#include "origin_stream.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>

#include <openssl/x509v3.h>
#include <sys/socket.h>

namespace fusebox::http {

namespace net = boost::asio;
using net::awaitable;
using net::redirect_error;
using net::use_awaitable;

namespace {

constexpr std::size_t read_bytes = 16384;

// What is wrong with the certificate, and how that is mended.
std::string explain(long verified, const std::string& host) {
    const std::string about = "the certificate of " + host + " ";
    switch (verified) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return about +
                   "is for another name: ask by a name that it has, or give the server a certificate with this one";
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:  // of a CA with the same name
            return about + "comes from a CA that is not trusted here: name the CA's file in client_options::ca_file";
        case X509_V_ERR_CERT_HAS_EXPIRED: return about + "has expired: renew it on the server, or mend the clock here";
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return about + "is not valid yet: mend the clock, here or where it was made";
        default: return about + "is refused: " + X509_verify_cert_error_string(verified);
    }
}

}  // namespace

awaitable<origin_stream::error_code> origin_stream::connect(const endpoints& to) {
    error_code failed;
    co_await net::async_connect(socket_, to, redirect_error(use_awaitable, failed));
    if (!failed) {
        error_code ignored;
        socket_.set_option(net::ip::tcp::no_delay(true), ignored);
    }
    co_return failed;
}

awaitable<std::string> origin_stream::secure(net::ssl::context& context, const std::string& host) {
    tls_.emplace(socket_, context);
    SSL* const ssl = tls_->native_handle();
    error_code not_an_address;
    net::ip::make_address(host, not_an_address);
    // Names of addresses are not sent (RFC 6066, section 3), but verified all the same.
    const bool ready = not_an_address
                           ? SSL_set_tlsext_host_name(ssl, host.c_str()) == 1 && SSL_set1_host(ssl, host.c_str()) == 1
                           : X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    if (!ready) co_return "the name " + host + " is none that a certificate can have";
    error_code failed;
    co_await tls_->async_handshake(net::ssl::stream_base::client, redirect_error(use_awaitable, failed));
    if (!failed) co_return std::string();
    if (const long verified = SSL_get_verify_result(ssl); verified != X509_V_OK) co_return explain(verified, host);
    co_return "no TLS with " + host + ": " + failed.message() + "; does it speak https on this port?";
}

awaitable<origin_stream::error_code> origin_stream::write(const pieces& all) {
    error_code failed;
    if (tls_) co_await net::async_write(*tls_, all, redirect_error(use_awaitable, failed));
    else co_await net::async_write(socket_, all, redirect_error(use_awaitable, failed));
    co_return failed;
}

awaitable<origin_stream::error_code> origin_stream::read_some(std::string& into) {
    error_code failed;
    const std::size_t before = into.size();
    into.resize(before + read_bytes);
    const auto room = net::buffer(into.data() + before, read_bytes);
    std::size_t n = 0;
    if (tls_) n = co_await tls_->async_read_some(room, redirect_error(use_awaitable, failed));
    else n = co_await socket_.async_read_some(room, redirect_error(use_awaitable, failed));
    into.resize(before + n);
    co_return failed;
}

void origin_stream::close() noexcept {
    error_code ignored;
    socket_.close(ignored);
}

void origin_stream::abort() noexcept {
    error_code ignored;
    socket_.set_option(net::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
}

bool origin_stream::silent() noexcept {
    char byte;
    return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace fusebox::http
