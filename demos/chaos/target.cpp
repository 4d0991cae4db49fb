#include <chaos/target.hpp>

#include <fmt/format.h>
#include <boost/asio/this_coro.hpp>

namespace chaos {

namespace net = boost::asio;
using stage::request;
using stage::response;

stage::routes target::routes() {
    return {
        {"GET /work", [this](const request&) { return work(); }},
        {"POST /condition/{name}", [this](const request& asked) { return become(asked); }},
        {"GET /calls", [this](const request&) { return response{200, fmt::format("{}\n", calls_)}; }},
    };
}

net::awaitable<response> target::work() {
    ++calls_;
    // Until the client goes away, or the server does; an outage that is over helps nobody who hung in it.
    if (condition_ == condition::hanging) co_await stage::real_pause(fusebox::duration::max() / 2);
    if (condition_ == condition::failing) co_return response(500, "failing\n");
    co_return response(200, "done\n");
}

response target::become(const request& asked) {
    const auto name = asked.parameter("name");
    const auto found = find_condition(name);
    if (!found) return response{404, fmt::format("'{}' is none of healthy, failing and hanging\n", name)};
    condition_ = *found;
    return response{200, fmt::format("{}\n", name)};
}

}  // namespace chaos
