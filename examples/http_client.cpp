// Calls to other services, each with a breaker of its own: 502 when the service failed, 503 when its breaker refused.
#include <fusebox/asio/execute.hpp>
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/http/client.hpp>
#include <fusebox/keyed.hpp>

#include <boost/asio.hpp>
#include <iostream>

namespace net = boost::asio;
namespace http = fusebox::http;
using breakers = fusebox::keyed<fusebox::circuit_breaker>;

net::awaitable<http::response> request_with_cb(breakers& all, http::client& web, std::string service, http::request r) {
    const auto breaker = all.get(service);
    fusebox::pipeline guarded{*breaker};
    const auto call = [&] { return web.send(r); };
    const auto answer = co_await fusebox::asio::execute(guarded, call);
    if (answer) co_return *answer;
    if (const auto* failed = answer.error().error())
        co_return http::response{502, service + " unreachable: " + failed->message};
    co_return http::response{503, "Circuit open for " + service + ", nobody was asked"};
}

net::awaitable<void> check_stock(http::client& web, breakers& all) {
    const http::request stock{"GET", "http://127.0.0.1:1/products/7/stock"};  // nobody listens there
    for (int i = 0; i < 4; ++i) {
        const auto answer = co_await request_with_cb(all, web, "product", stock);
        std::cout << answer.status << " " << answer.body << "\n";
    }
}

int main() {
    const fusebox::circuit_breaker_options three{.consecutive_failures = 3};
    breakers all{[&](auto name) { return std::make_shared<fusebox::circuit_breaker>(std::string(name), three); }};
    net::io_context io;
    http::client web{io.get_executor()};
    net::co_spawn(io, check_stock(web, all), net::detached);
    io.run();
}
