#include <chaos/reality.hpp>

#include <boost/asio/co_spawn.hpp>

#include <charconv>
#include <future>

namespace chaos {

namespace net = boost::asio;
using fusebox::http::request;

namespace {

// The pipelines say how long a call may take; the client does not.
fusebox::http::client_options patient() {
    fusebox::http::client_options all;
    all.connect_time = all.total_time = std::chrono::hours{1};
    return all;
}

}  // namespace

reality::reality(std::vector<std::string> target_command) : target_(std::move(target_command)) {
    loop_.run([this] { client_ = std::make_unique<fusebox::http::client>(executor(), patient()); });
}

reality::~reality() {
    loop_.run([this] { client_.reset(); });
}

bool reality::run(net::awaitable<void> scenario, const std::function<bool()>& go_on) {
    std::promise<void> over;
    auto done = [&over](const std::exception_ptr& failed) { failed ? over.set_exception(failed) : over.set_value(); };
    net::co_spawn(loop_.io(), std::move(scenario), std::move(done));
    auto ended = over.get_future();
    while (ended.wait_for(std::chrono::seconds{0}) != std::future_status::ready) {
        if (go_on() || ending_) continue;
        ending_ = true;
        target_.end();
    }
    ended.get();
    return !ending_;
}

net::awaitable<std::expected<void, std::string>> reality::ask() {
    const request work{"GET", target_.url() + "/work"};
    const auto answer = co_await client_->send(work);
    if (!answer) co_return std::unexpected(answer.error().message);
    if (answer->status != 200) co_return std::unexpected("HTTP " + std::to_string(answer->status));
    co_return std::expected<void, std::string>{};
}

net::awaitable<void> reality::make(condition how) {
    const request command{"POST", target_.url() + "/condition/" + std::string{to_string(how)}};
    co_await client_->send(command);
}

net::awaitable<std::uint64_t> reality::calls() {
    const request question{"GET", target_.url() + "/calls"};
    const auto answer = co_await client_->send(question);
    std::uint64_t counted = 0;
    if (answer) std::from_chars(answer->body.data(), answer->body.data() + answer->body.size(), counted);
    co_return counted;
}

}  // namespace chaos
