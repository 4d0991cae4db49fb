#include "endpoints/health_checks.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <utility>

namespace fusebox::gateway {

namespace {

enum class check_end : unsigned char { none, answered, unknown_name, not_connected, no_answer, cut_short, not_http };

std::string_view text_of(check_end e) noexcept {
    constexpr std::array<std::string_view, 7> texts{"",
                                                    "status",
                                                    "the name is not found",
                                                    "not connected",
                                                    "no answer in time",
                                                    "closed without a whole answer",
                                                    "an answer that is not HTTP"};
    return texts[static_cast<std::size_t>(e)];
}

}  // namespace

// The checks of one endpoint.
class health_checks::probe {
public:
    probe(health_checks& all, const checked& of, const endpoint_snapshot& e)
        : all_(all),
          upstream_(of),
          id_(e.id),
          address_(e.address),
          request_("GET " + asked().path + " HTTP/1.1\r\nHost: " + (asked().host.empty() ? e.address : asked().host) +
                   "\r\nUser-Agent: fusebox-health-check\r\nAccept: */*\r\nConnection: close\r\n\r\n") {
        all_.loop_.arm(timer_, all_.loop_.now());
    }

    check_report report() const {
        const std::uint32_t last = last_.load(std::memory_order_relaxed);
        const auto how = static_cast<check_end>(last >> 16);
        std::string text{text_of(how)};
        if (how == check_end::answered) text += ' ' + std::to_string(last & 0xffff);
        return {upstream_.configured.name,
                address_,
                passed_.load(std::memory_order_relaxed),
                failed_.load(std::memory_order_relaxed),
                unheard_.load(std::memory_order_relaxed),
                std::move(text)};
    }

private:
    enum class stage : unsigned char { connecting, asked, answered };

    const health_check_configuration& asked() const noexcept { return *upstream_.configured.health_check; }
    http::reactor& loop() const noexcept { return all_.loop_; }

    // The timer's: the next check, or the end of the one under way.
    void due() {
        if (!connection_) return begin();
        const bool late = loop().now() - timer_.at() > asked().timeout / 2;
        if (late) not_heard();
        else end(check_end::no_answer);
    }

    void begin() {
        began_ = loop().now();
        const auto addresses = all_.addresses_.find(address_);
        if (addresses.empty()) return end(check_end::unknown_name);
        connection_.emplace(loop(), all_.memory_, all_.limits_);
        connection_->notify(http::on<&probe::stirred>(this));
        stage_ = stage::connecting;
        loop().arm(timer_, saturating_add(began_, asked().timeout));
        if (const auto failed = connection_->connect(addresses[turn_ % addresses.size()])) not_connected(failed);
    }

    void stirred() {
        if (stage_ == stage::connecting && !send()) return;
        if (stage_ == stage::asked && !read_head()) return;
        read_body();
    }

    bool send() {
        std::error_code why;
        const auto progress = connection_->connecting(why);
        if (progress == http::stream_socket::progress::pending) return false;
        if (progress == http::stream_socket::progress::failed) return not_connected(why), false;
        stage_ = stage::asked;
        connection_->begin_request({});
        const iovec all{request_.data(), request_.size()};
        (void)connection_->send({&all, 1});
        return true;
    }

    // True once the final head is there.
    bool read_head() {
        for (;;) {
            switch (connection_->read_head()) {
                case http::head_status::blocked: return false;
                case http::head_status::refused: return end(check_end::not_http), false;
                case http::head_status::closed:
                    if (connection_->has_own_trouble()) return not_heard(), false;
                    return end(check_end::cut_short), false;
                case http::head_status::complete:
                    if (!connection_->head().interim()) {
                        stage_ = stage::answered;
                        return true;
                    }
                    connection_->next_head();
            }
        }
    }

    void read_body() {
        auto status = http::body_status::more;
        while (status == http::body_status::more) status = connection_->read_body([](auto) {});
        if (status == http::body_status::blocked) return;
        if (status != http::body_status::complete) return end(check_end::cut_short);
        end(check_end::answered, static_cast<std::uint16_t>(connection_->head().status()));
    }

    void not_connected(std::error_code why) {
        if (http::is_own_trouble(why.value())) return not_heard();
        ++turn_;  // the next check tries another address of the name
        end(check_end::not_connected);
    }

    void end(check_end how, std::uint16_t status = 0) {
        const auto fits = [&](const status_range& r) { return r.contains(status); };
        const bool pass = how == check_end::answered && std::ranges::any_of(asked().expected, fits);
        (pass ? passed_ : failed_).fetch_add(1, std::memory_order_relaxed);
        last_.store(static_cast<std::uint32_t>(how) << 16 | status, std::memory_order_relaxed);
        wait_for_next();
        upstream_.endpoints.record_check(id_, pass, began_, loop().now());
    }

    void not_heard() {
        unheard_.fetch_add(1, std::memory_order_relaxed);
        wait_for_next();
    }

    void wait_for_next() {
        connection_.reset();
        duration pause = asked().interval;
        if (std::exchange(first_, false))
            pause = duration{static_cast<duration::rep>(double(pause.count()) * all_.random_.unit())};
        loop().arm(timer_, saturating_add(began_, pause));
    }

    health_checks& all_;
    const checked upstream_;
    const std::string id_;
    const std::string address_;
    std::string request_;
    std::size_t turn_ = 0;

    http::deadline timer_{http::on<&probe::due>(this)};
    std::optional<http::client_connection> connection_;  // of the check under way
    time_point began_{};
    stage stage_ = stage::connecting;
    bool first_ = true;

    std::atomic<std::uint64_t> passed_{0};
    std::atomic<std::uint64_t> failed_{0};
    std::atomic<std::uint64_t> unheard_{0};
    std::atomic<std::uint32_t> last_{0};  // a check_end, and the status in the lower half
};

health_checks::health_checks(std::span<const checked> upstreams, const address_book& addresses, http::reactor& loop,
                             std::uint64_t seed)
    : addresses_(addresses), loop_(loop), random_(seed) {
    for (const checked& u : upstreams)
        for (const endpoint_snapshot& e : u.endpoints.snapshot())
            probes_.push_back(std::make_unique<probe>(*this, u, e));
}

health_checks::~health_checks() = default;

std::vector<check_report> health_checks::reports() const {
    std::vector<check_report> all;
    for (const auto& p : probes_) all.push_back(p->report());
    return all;
}

void health_checks::expose(metrics::exposition& out) const {
    out.family("fusebox_health_checks_total", "counter",
               "Active health checks, by result; unheard: cut off by our own doing, and not counted against anybody.");
    for (const check_report& r : reports()) {
        const auto sample = [&](std::string_view result, std::uint64_t n) {
            out.sample({{"upstream", r.upstream}, {"endpoint", r.endpoint}, {"result", result}}, n);
        };
        sample("passed", r.passed);
        sample("failed", r.failed);
        sample("unheard", r.unheard);
    }
}

}  // namespace fusebox::gateway
