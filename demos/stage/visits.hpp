// A visitor who keeps asking for one page, so that a demo shows something before anybody touches it. Lives on a loop;
// from the thread that made it.
#pragma once

#include <stage/event_loop.hpp>

#include <fusebox/http/client.hpp>

#include <expected>
#include <functional>
#include <string>

namespace stage {

class visits {
public:
    // Told, on the loop, what each visit brought.
    using visitor = std::function<void(const std::expected<fusebox::http::response, fusebox::http::http_error>&)>;

    // Stays away at first unless `running`.
    visits(event_loop& on, std::string url, fusebox::duration every, bool running, visitor told = {});

    bool running() const { return visits_.running(); }
    void toggle() { visits_.toggle(); }

private:
    boost::asio::awaitable<void> visit();

    const std::string url_;
    const visitor told_;
    fusebox::http::client client_;
    repetition visits_;  // the first to end
};

}  // namespace stage
