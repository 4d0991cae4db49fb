#include <fusebox/http/reactor.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>

#include <sys/resource.h>

namespace fusebox::http {

namespace net = boost::asio;

reactor& reactor::of(net::io_context& io) {
    return net::use_service<reactor>(io);
}

reactor::reactor(net::execution_context& io)
    : service(io), io_(static_cast<net::io_context&>(io)), set_(io_), alarm_(io_) {
    const int set = ::epoll_create1(EPOLL_CLOEXEC);
    if (set < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    set_.assign(set);
    for (ring_link& slot : wheel_) slot.next_ = slot.previous_ = &slot;
    line_.next_ = line_.previous_ = &line_;
    turned_to_ = tick_of(read_clock());
}

reactor::~reactor() = default;

void reactor::shutdown() {
    // Callbacks that still wait here belong to objects that are gone.
    set_.close();
    alarm_.cancel();
}

// The kernel gives the lowest number that is free, so a high one says how few are left.
void reactor::spare_descriptors(int count) noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > rlim_t{std::numeric_limits<int>::max()}) return;
    first_spared_ = static_cast<int>(limit.rlim_cur) - count;
}

std::error_code reactor::add(int fd, watch& w) noexcept {
    if (fd >= first_spared_) return std::make_error_code(std::errc::too_many_files_open);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &w;
    if (::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0) return {errno, std::generic_category()};
    w.seen_ = 0;
    ++watched_;
    if (!waiting_) wait_for_edges();
    return {};
}

void reactor::remove(int fd, watch& w) noexcept {
    w.unlink();
    ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
    for (int i = next_event_; i < event_count_; ++i)
        if (events_[i].data.ptr == &w) events_[i].data.ptr = nullptr;
    if (--watched_ == 0 && waiting_) set_.cancel();  // so that io_context::run() may return
}

bool reactor::has_untold_edge(const watch& w) const noexcept {
    for (int i = next_event_; i < event_count_; ++i)
        if (events_[i].data.ptr == &w) return true;
    return false;
}

// -- Rounds ------------------------------------------------------------------------------------------

void reactor::wait_for_edges() {
    waiting_ = true;
    set_.async_wait(net::posix::stream_descriptor::wait_read, [this](boost::system::error_code failed) {
        waiting_ = false;
        if (failed && watched_ == 0) return;
        serve_edges();
        if (watched_ != 0 && !waiting_ && set_.is_open()) wait_for_edges();
    });
}

void reactor::serve_edges() {
    // A lone edge means that it is quiet. Under load more has come in by the time that all is served, or soon will.
    if (take_edges(std::chrono::milliseconds{0}) <= 1) return;
    const int quiet = linger_.count() > 0 ? 0 : 1;
    const time_point until = saturating_add(now_, longest_turn);
    for (int rounds = 1; rounds < rounds_in_a_row && now_ < until; ++rounds)
        if (take_edges(linger_) <= quiet) return;
}

int reactor::take_edges(std::chrono::milliseconds within) {
    const bool nobody_waits = line_.next_ == &line_;
    const int n =
        ::epoll_wait(set_.native_handle(), events_.data(), batch, nobody_waits ? static_cast<int>(within.count()) : 0);
    if (n <= 0) return 0;
    begin_round();
    event_count_ = n;
    for (next_event_ = 0; next_event_ < event_count_;) {
        const epoll_event& event = events_[next_event_++];
        if (event.data.ptr == nullptr) continue;  // removed by one that was told earlier
        auto& w = *static_cast<watch*>(event.data.ptr);
        w.seen_ |= event.events;
        begin_turn();
        w.on_edge_();
    }
    end_round();
    return n;
}

// -- Turns -------------------------------------------------------------------------------------------

void reactor::later(watch& w) {
    if (w.next_ != nullptr) return;
    w.next_ = &line_;
    w.previous_ = line_.previous_;
    line_.previous_->next_ = &w;
    line_.previous_ = &w;
    post_later();
}

// Between two such posts Asio looks at its timers, and by that at deadlines, and at new edges.
void reactor::post_later() {
    if (line_posted_) return;
    line_posted_ = true;
    net::post(io_, [this] {
        line_posted_ = false;
        serve_later();
        if (line_.next_ != &line_) post_later();
    });
}

// A turn for each who waits now, as long as they do not take too much time together.
void reactor::serve_later() {
    begin_round();
    const time_point until = saturating_add(now_, longest_turn);
    struct mark : ring_link {
        ~mark() { unlink(); }
    } end;  // of those who wait now: who wants yet another turn stands behind it
    end.next_ = &line_;
    end.previous_ = line_.previous_;
    line_.previous_->next_ = &end;
    line_.previous_ = &end;
    while (line_.next_ != &end && now_ < until) {
        auto& w = static_cast<watch&>(*line_.next_);
        w.unlink();
        begin_turn();
        w.on_edge_();
        now_ = read_clock();
    }
    end_round();
}

void reactor::begin_round() noexcept {
    now_ = read_clock();
    in_round_ = true;
}

void reactor::end_round() {
    while (first_ != nullptr) {
        afterthought& next = *first_;
        first_ = next.next_;
        next.waits_at_ = nullptr;
        begin_turn();
        next.then_();
    }
    last_ = nullptr;
    in_round_ = false;
}

void reactor::after_this(afterthought& a) {
    if (a.waits_at_ != nullptr) return;
    a.waits_at_ = this;
    a.next_ = nullptr;
    (first_ == nullptr ? first_ : last_->next_) = &a;
    last_ = &a;
    if (in_round_ || posted_) return;
    posted_ = true;
    net::post(io_, [this] {
        posted_ = false;
        begin_round();
        end_round();
    });
}

void reactor::forget(afterthought& a) noexcept {
    afterthought* before = nullptr;
    for (afterthought* each = first_; each != &a; each = each->next_) before = each;
    (before == nullptr ? first_ : before->next_) = a.next_;
    if (last_ == &a) last_ = before;
    a.waits_at_ = nullptr;
}

// -- Deadlines ---------------------------------------------------------------------------------------

void reactor::arm(deadline& d, time_point at) {
    d.disarm();
    d.at_ = at;
    if (at == time_point::max()) return;  // never
    const std::int64_t due = std::max(due_tick(at), turned_to_);
    const std::size_t number = static_cast<std::size_t>(due) % slots;
    ring_link& slot = wheel_[number];
    d.next_ = &slot;
    d.previous_ = slot.previous_;
    slot.previous_->next_ = &d;
    slot.previous_ = &d;
    used_[number / 64] |= std::uint64_t{1} << (number % 64);
    if (due < alarm_at_) set_alarm();
}

void reactor::set_alarm() {
    alarm_at_ = next_used_tick();
    if (alarm_at_ == no_alarm || clock_ != nullptr) return;
    alarm_.expires_at(std::chrono::steady_clock::time_point(tick * alarm_at_));
    alarm_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled) look_at_deadlines();
    });
}

// The first tick from turned_to_ on whose slot may hold something.
std::int64_t reactor::next_used_tick() const noexcept {
    const auto from = static_cast<std::size_t>(turned_to_) % slots;
    for (std::size_t i = 0; i <= used_.size(); ++i) {
        const std::size_t word = (from / 64 + i) % used_.size();
        std::uint64_t bits = used_[word];
        if (i == 0) bits &= ~std::uint64_t{0} << (from % 64);
        if (i == used_.size()) bits &= (std::uint64_t{1} << (from % 64)) - 1;
        if (bits == 0) continue;
        const std::size_t found = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
        return turned_to_ + static_cast<std::int64_t>((found + slots - from) % slots);
    }
    return no_alarm;
}

void reactor::look_at_deadlines() {
    const bool nested = in_round_;
    if (!nested) begin_round();
    const std::int64_t present = tick_of(now_);
    // After a long pause one turn of the wheel sees them all.
    if (present - turned_to_ >= static_cast<std::int64_t>(slots))
        turned_to_ = present - static_cast<std::int64_t>(slots) + 1;
    for (std::int64_t next; (next = next_used_tick()) <= present;) {
        turned_to_ = next + 1;  // what is armed meanwhile for a time that is past comes next
        look_at(next);
    }
    turned_to_ = std::max(turned_to_, present + 1);
    if (!nested) end_round();
    set_alarm();
}

void reactor::look_at(std::int64_t slot_tick) {
    const std::size_t number = static_cast<std::size_t>(slot_tick) % slots;
    used_[number / 64] &= ~(std::uint64_t{1} << (number % 64));
    ring_link& slot = wheel_[number];
    if (slot.next_ == &slot) return;
    // Taken out as a whole first: a callback may arm others, in this very slot too, or destroy them.
    ring_link taken;
    taken.next_ = slot.next_;
    taken.previous_ = slot.previous_;
    taken.next_->previous_ = taken.previous_->next_ = &taken;
    slot.next_ = slot.previous_ = &slot;
    while (taken.next_ != &taken) {
        auto& d = static_cast<deadline&>(*taken.next_);
        d.disarm();
        if (due_tick(d.at_) > slot_tick) {
            arm(d, d.at_);  // in another turn of the wheel
            continue;
        }
        begin_turn();
        d.on_expiry_();
    }
}

}  // namespace fusebox::http
