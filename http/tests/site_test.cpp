// Handlers behind a site, asked by the client: both on one loop.
#include "scripted_origin.hpp"

#include <fusebox/http/site.hpp>

#include <stdexcept>

using namespace fusebox;
using namespace fusebox::http;
using namespace std::chrono_literals;

namespace {

struct site_test : ::testing::Test {
    net::io_context io;
    site shop{io, {.body_bytes = 8}};
    asking client{io};
    site_test() { EXPECT_FALSE(shop.listen("127.0.0.1", 0)); }

    std::string url(const std::string& path = "/") const {
        return "http://127.0.0.1:" + std::to_string(shop.port()) + path;
    }
    response ask(request what) {
        const auto got = client.ask(std::move(what));
        EXPECT_TRUE(got.has_value()) << got.error().message;
        return got.value_or(response{0});
    }
    template <class Condition>
    void until(Condition come) {
        for (int i = 0; i < 5000 && !come(); ++i) io.run_one_for(1ms);
        EXPECT_TRUE(come());
    }
};

response greet(const request& asked) {
    return {200, std::string(asked.method) + " " + asked.url + " " + std::string(asked.get("x-name")) + asked.body};
}

// Waits until it is let go, or cancelled.
struct patient {
    int begun = 0, cancelled = 0, ended = 0;
    net::steady_timer let_go;
    explicit patient(net::io_context& io) : let_go(io, net::steady_timer::time_point::max()) {}

    net::awaitable<response> answer(const request& asked) {
        ++begun;
        boost::system::error_code how;
        co_await let_go.async_wait(net::redirect_error(net::use_awaitable, how));
        const auto state = co_await net::this_coro::cancellation_state;
        if (state.cancelled() != net::cancellation_type::none) ++cancelled;
        ++ended;
        co_return response{200, "late " + asked.url};
    }
    handler as_handler() {
        return [this](const request& asked) { return answer(asked); };
    }
};

TEST_F(site_test, a_function_answers) {
    shop.on("GET", "/greet", greet);
    shop.on("POST", "/greet", greet);
    request what{"GET", url("/greet?a=b")};
    what.set("X-Name", "Ada");
    const auto got = ask(what);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "GET /greet?a=b Ada");
    EXPECT_EQ(got.get("content-type"), "text/plain; charset=utf-8");
    what.method = "POST";
    what.body = "12345678";
    EXPECT_EQ(ask(what).body, "POST /greet?a=b Ada12345678");
    const auto head = ask({"HEAD", url("/greet")});
    EXPECT_EQ(head.get("content-length"), "12");
    EXPECT_EQ(head.body, "");
    EXPECT_EQ(shop.requests(), 3u);
    EXPECT_EQ(client.web.idle(), 1u) << "all on one connection";
}

TEST_F(site_test, a_coroutine_answers_when_it_likes_and_holds_up_nobody) {
    patient slow{io};
    shop.on("GET", "/slow", slow.as_handler());
    shop.on("GET", "/", greet);
    std::vector<std::string> order;
    const auto note = [&](const std::exception_ptr&, outcome got) { order.push_back(got->body.substr(0, 4)); };
    net::co_spawn(io, client.web.send({"GET", url("/slow?7")}), note);
    until([&] { return slow.begun == 1; });
    net::co_spawn(io, client.web.send({"GET", url()}), note);
    until([&] { return order.size() == 1; });
    slow.let_go.cancel();
    until([&] { return order.size() == 2; });
    EXPECT_EQ(order, (std::vector<std::string>{"GET ", "late"}));
    EXPECT_EQ(slow.cancelled, 0);
}

TEST_F(site_test, says_what_it_does_not_serve) {
    shop.on("GET", "/here", greet);
    shop.on("POST", "/here", greet);
    EXPECT_EQ(ask({"GET", url("/there")}).status, 404);
    const auto wrong = ask({"DELETE", url("/here")});
    EXPECT_EQ(wrong.status, 405);
    EXPECT_EQ(wrong.get("allow"), "GET, HEAD, POST");
    request large{"POST", url("/here")};
    large.body = "123456789";
    EXPECT_EQ(ask(large).status, 413);
    EXPECT_EQ(shop.requests(), 0u);
}

net::awaitable<response> fail_later(const request&) {
    co_await net::post(net::use_awaitable);
    throw std::runtime_error("secret");
}

TEST_F(site_test, a_path_may_have_parameters) {
    const auto tell = [](const request& asked) {
        return response{200, std::string(asked.parameter("id")) + "|" + std::string(asked.parameter("part"))};
    };
    shop.on("GET", "/products/{id}", tell);
    shop.on("PUT", "/products/{id}", [](const request&) { return response{200, "put"}; });
    shop.on("GET", "/products/{id}/{part}", tell);
    shop.on("GET", "/products/new", [](const request&) { return response{200, "without any"}; });
    EXPECT_EQ(ask({"GET", url("/products/7")}).body, "7|");
    EXPECT_EQ(ask({"PUT", url("/products/7")}).body, "put");
    EXPECT_EQ(ask({"GET", url("/products/a%2Fb%20c%3/stock?x=1")}).body, "a/b c%3|stock") << "decoded, where it can be";
    EXPECT_EQ(ask({"GET", url("/products/new")}).body, "without any");
    for (const char* path : {"/products/", "/products/7/", "/products/7/stock/all", "/products", "/product/7"})
        EXPECT_EQ(ask({"GET", url(path)}).status, 404) << path;
    const auto answer = ask({"DELETE", url("/products/7")});
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(answer.get("Allow"), "GET, HEAD, PUT");
}

TEST_F(site_test, a_query_is_asked_by_name) {
    shop.on("GET", "/", [](const request& asked) {
        return response{200, asked.query("quantity").value_or("none") + "|" + asked.query("name").value_or("none")};
    });
    EXPECT_EQ(ask({"GET", url("/?name=a+b%26c&quantity=3&quantity=4")}).body, "3|a b&c");
    EXPECT_EQ(ask({"GET", url("/?quantity&other=1")}).body, "|none");
    EXPECT_EQ(ask({"GET", url("/")}).body, "none|none");
}

TEST_F(site_test, keeps_what_went_wrong_to_itself) {
    shop.on("GET", "/now", [](const request&) -> response { throw std::runtime_error("secret"); });
    shop.on("GET", "/later", fail_later);
    shop.on("GET", "/split", [](const request&) {
        response two{200};
        two.set("X", "a\r\nSet-Cookie: b");
        return two;
    });
    shop.on("GET", "/framed", [](const request&) {
        response two{200};
        two.set("Content-Length", "5");
        return two;
    });
    for (const char* path : {"/now", "/later", "/split", "/framed"}) {
        const auto got = ask({"GET", url(path)});
        EXPECT_EQ(got.status, 500) << path;
        EXPECT_EQ(got.body, "internal error\n") << path;
    }
}

TEST_F(site_test, an_answer_without_a_body_has_none) {
    shop.on("DELETE", "/7", [](const request&) { return response{204}; });
    const auto got = ask({"DELETE", url("/7")});
    EXPECT_EQ(got.status, 204);
    EXPECT_EQ(got.get("content-length"), "");
    EXPECT_EQ(client.web.idle(), 1u);
}

TEST_F(site_test, cancels_the_handler_whose_client_is_gone) {
    patient slow{io};
    shop.on("GET", "/", slow.as_handler());
    net::cancellation_signal leave;
    net::co_spawn(io, client.web.send({"GET", url()}),
                  net::bind_cancellation_slot(leave.slot(), [](const std::exception_ptr&, const outcome&) {}));
    until([&] { return slow.begun == 1; });
    leave.emit(net::cancellation_type::all);
    until([&] { return shop.running() == 0; });
    EXPECT_EQ(slow.cancelled, 1);
}

TEST_F(site_test, drains) {
    patient slow{io};
    shop.on("GET", "/", slow.as_handler());
    std::vector<outcome> got;
    const auto note = [&](const std::exception_ptr&, outcome o) { got.push_back(std::move(o)); };
    const std::string here = url();
    net::co_spawn(io, client.web.send({"GET", here}), note);
    until([&] { return slow.begun == 1; });
    shop.drain(1h);
    EXPECT_EQ(client.failure({"GET", here}).code, http_errc::connect) << "nobody new is let in";
    EXPECT_EQ(shop.connections(), 1u);
    slow.let_go.cancel();
    until([&] { return got.size() == 1 && shop.connections() == 0; });
    EXPECT_EQ(got[0]->body, "late /");
    EXPECT_EQ(client.web.idle(), 0u) << "the answer said that its connection closes";
}

TEST_F(site_test, waits_no_longer_than_it_was_told_to) {
    patient slow{io};
    shop.on("GET", "/", slow.as_handler());
    std::vector<outcome> got;
    net::co_spawn(io, client.web.send({"GET", url()}),
                  [&](const std::exception_ptr&, outcome o) { got.push_back(std::move(o)); });
    until([&] { return slow.begun == 1; });
    shop.drain(20ms);
    until([&] { return got.size() == 1 && slow.ended == 1; });
    EXPECT_EQ(slow.cancelled, 1);
    EXPECT_EQ(got[0].error().code, http_errc::reset);
}

TEST_F(site_test, names_a_port_that_is_taken) {
    site second{io};
    EXPECT_EQ(second.listen("127.0.0.1", shop.port()), std::errc::address_in_use);
    EXPECT_EQ(second.listen("nowhere", 0), std::errc::invalid_argument);
}

}  // namespace
