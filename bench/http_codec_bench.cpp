// What reading a head costs, beside Boost.Beast's parser on the same bytes.
//
//   http_codec_bench                 time, by Google Benchmark
//   http_codec_bench count WHAT N    the loop alone, for callgrind (see count below)
//
// Both read the same typical heads of about 1 KB and 0.5 KB. Beast's row is its basic_parser with callbacks that
// keep nothing: what a program would have to build a strict reader on.
#include <fusebox/http/gather.hpp>
#include <fusebox/http/request_head.hpp>
#include <fusebox/http/response_head.hpp>

#include <benchmark/benchmark.h>
#include <boost/beast/http/basic_parser.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

namespace http = fusebox::http;
namespace beast = boost::beast;

const std::string request =
    "GET /api/v1/orders/8c1f0a52/items?page=2&per_page=50&sort=-created_at HTTP/1.1\r\n"
    "Host: orders.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Safari/537.36\r\n"
    "Accept: application/json, text/plain, */*\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkEgVXNlciJ9."
    "dBjftJeZ4CVPmB92K27uhbUJU1p1r_wW1gFWFOEjXk\r\n"
    "Cookie: session=5f2b9c1d8e7a4f60b3c2d1e0f9a8b7c6; theme=dark; consent=necessary; "
    "_ga=GA1.2.1234567890.1718000000\r\n"
    "Referer: https://shop.example.com/account/orders/8c1f0a52\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Site: same-site\r\n"
    "X-Request-Id: 0af7651916cd43dd8448eb211c80319c\r\n"
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
    "If-None-Match: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"\r\n"
    "Connection: keep-alive\r\n"
    "\r\n";

const std::string response =
    "HTTP/1.1 200 OK\r\n"
    "Server: nginx/1.22.1\r\n"
    "Date: Sat, 21 Nov 2026 07:00:00 GMT\r\n"
    "Content-Type: application/json; charset=utf-8\r\n"
    "Content-Length: 1024\r\n"
    "Cache-Control: private, max-age=0, must-revalidate\r\n"
    "ETag: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"\r\n"
    "Vary: Accept-Encoding, Authorization\r\n"
    "Set-Cookie: session=5f2b9c1d8e7a4f60b3c2d1e0f9a8b7c6; Path=/; HttpOnly; Secure; SameSite=Lax\r\n"
    "Strict-Transport-Security: max-age=63072000; includeSubDomains\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Request-Id: 0af7651916cd43dd8448eb211c80319c\r\n"
    "Connection: keep-alive\r\n"
    "\r\n";

std::size_t read_request() {
    static http::request_head head;
    head.clear();
    if (head.parse(request) != http::parse_status::complete) std::abort();
    return head.size();
}

std::size_t read_response() {
    static http::response_head head;
    static std::string bytes = response;
    head.clear();
    if (head.parse(bytes, {}) != http::parse_status::complete) std::abort();
    return head.size();
}

std::size_t gather_request() {
    static const http::request_head head = [] {
        http::request_head read;
        if (read.parse(request) != http::parse_status::complete) std::abort();
        return read;
    }();
    http::gather out;
    out.request(head, {http::field_id::traceparent});
    out.add("Via: 1.1 fusebox\r\n");
    out.end();
    return out.pieces().size();
}

// Takes what the parser finds, and keeps nothing.
template <bool IsRequest>
class beast_parser : public beast::http::basic_parser<IsRequest> {
    using code = beast::error_code;
    using text = beast::string_view;

    void on_request_impl(beast::http::verb, text, text, int, code&) override {}
    void on_response_impl(int, text, int, code&) override {}
    void on_field_impl(beast::http::field, text, text, code&) override {}
    void on_header_impl(code&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, code&) override {}
    std::size_t on_body_impl(text body, code&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, text, code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, text body, code&) override { return body.size(); }
    void on_finish_impl(code&) override {}
};

template <bool IsRequest>
std::size_t read_with_beast() {
    const std::string& bytes = IsRequest ? request : response;
    beast_parser<IsRequest> parser;
    beast::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(bytes), error);
    if (!parser.is_header_done()) std::abort();
    return used;
}

template <std::size_t (*Work)()>
void run(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(Work());
}
BENCHMARK(run<read_request>)->Name("request head, ours");
BENCHMARK(run<read_with_beast<true>>)->Name("request head, Beast");
BENCHMARK(run<read_response>)->Name("response head, ours");
BENCHMARK(run<read_with_beast<false>>)->Name("response head, Beast");
BENCHMARK(run<gather_request>)->Name("gather a request head");

// callgrind collects inside of this function only: --toggle-collect='*measured*'.
template <std::size_t (*Work)()>
[[gnu::noinline]] void measured(int times) {
    for (int i = 0; i < times; ++i) benchmark::DoNotOptimize(Work());
}

int count(std::string_view what, int times) {
    const auto warm_and_measure = [times]<std::size_t (*Work)()>() {
        benchmark::DoNotOptimize(Work());
        measured<Work>(times);
        return 0;
    };
    if (what == "request") return warm_and_measure.operator()<read_request>();
    if (what == "request-beast") return warm_and_measure.operator()<read_with_beast<true>>();
    if (what == "response") return warm_and_measure.operator()<read_response>();
    if (what == "response-beast") return warm_and_measure.operator()<read_with_beast<false>>();
    if (what == "gather") return warm_and_measure.operator()<gather_request>();
    std::fprintf(stderr, "nothing is called '%s' here\n", what.data());
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 4 && std::string_view{argv[1]} == "count") return count(argv[2], std::atoi(argv[3]));
    benchmark::Initialize(&argc, argv);
    std::printf("request head %zu bytes, response head %zu bytes\n", request.size(), response.size());
    benchmark::RunSpecifiedBenchmarks();
}
