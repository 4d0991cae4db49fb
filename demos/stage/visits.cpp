#include <stage/visits.hpp>

namespace stage {

visits::visits(event_loop& on, std::string url, fusebox::duration every, bool running, visitor told)
    : url_(std::move(url)),
      told_(std::move(told)),
      client_(on.io().get_executor()),
      visits_(on, every, [this] { return visit(); }, running) {}

boost::asio::awaitable<void> visits::visit() {
    const fusebox::http::request page{"GET", url_};
    const auto answer = co_await client_.send(page);
    if (told_) told_(answer);
}

}  // namespace stage
