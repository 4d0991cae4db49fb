#include <orders/steady_customer.hpp>

#include <orders/demo_data.hpp>
#include <orders/json_body.hpp>

#include <fmt/format.h>

namespace orders {

steady_customer::steady_customer(stage::event_loop& on, std::string make_order_url, fusebox::duration every,
                                 bool running, log_sink log)
    : url_(std::move(make_order_url)),
      log_(std::move(log)),
      client_(on.io().get_executor()),
      orders_(on, every, [this] { return order(); }, running) {}

boost::asio::awaitable<void> steady_customer::order() {
    const auto& who = demo_data::customers[0];
    request one_pen{"POST", url_ + "/ordering"};
    one_pen.set("Authorization", std::string("Bearer ") + who.token);
    one_pen.set("Content-Type", "application/json");
    one_pen.body = fmt::format(R"({{"customer_id":{},"items":[{{"product_id":1,"quantity":1}}]}})", who.id);
    const auto answer = co_await client_.send(std::move(one_pen));
    if (answer) tell(*answer);
}

void steady_customer::tell(const response& answer) {
    ++(answer.status == 200 ? placed_ : failed_);
    const json said = json::parse(answer.body, nullptr, false);
    const std::string why = said.is_object() ? said.value("detail", said.value("warning", "")) : "";
    // The order's own number and the like differ each time, and are not what is told.
    const std::string now = fmt::format("{}{}{}", answer.status, why.empty() ? "" : ": ", why);
    if (now == told_) return;
    told_ = now;
    log_("POST /ordering is answered with " + now);
}

}  // namespace orders
