#include <fusebox/http/server.hpp>

#include <algorithm>

namespace fusebox::http {

server::server(reactor& loop, connection_memory& memory, const connection_limits& limits, service& serves,
               std::size_t most_connections)
    : loop_(loop), memory_(memory), limits_(limits), service_(serves), most_connections_(most_connections) {}

server::~server() {
    close();
    while (first_ != nullptr) closed(*first_);
}

listener& server::add_listener() {
    return *listeners_.emplace_back(std::make_unique<listener>(
        loop_, [this](int fd, const socket_address& peer) { accept(fd, peer); }, [this] { shed_.add(); }));
}

std::error_code server::listen(const socket_address& at, bool share_port) {
    const std::error_code failed = add_listener().open(at, share_port);
    if (failed) listeners_.pop_back();
    return failed;
}

std::error_code server::adopt(int fd) {
    return add_listener().adopt(fd);
}

void server::accept(int fd, const socket_address& peer) {
    connection_owner& me = *this;
    auto made = std::make_unique<server_connection>(loop_, memory_, limits_, service_, me, peer);
    if (const auto failed = made->start(fd)) {
        if (is_own_trouble(failed.value())) shed_.add();
        return;
    }
    server_connection& c = *made.release();
    put_first(c);
    accepted_.add();
    if (draining_) c.drain();
    connections_.add();
    if (connections() - leaving_ < most_connections_ || evict_one()) return;
    full_ = true;
    for (const auto& l : listeners_) l->pause();
}

void server::closed(server_connection& c) noexcept {
    take_out(c);
    if (c.gives_way_) --leaving_;
    delete &c;
    connections_.subtract();
    accept_again();
}

// Whoever waits may have its place.
void server::rested(server_connection& c) noexcept {
    if (first_ != &c) take_out(c), put_first(c);
    accept_again();
}

void server::accept_again() noexcept {
    if (!full_) return;
    full_ = false;
    for (const auto& l : listeners_) l->resume();
}

void server::put_first(server_connection& c) noexcept {
    c.previous_ = nullptr;
    c.next_ = first_;
    (first_ != nullptr ? first_->previous_ : last_) = &c;
    first_ = &c;
}

void server::take_out(server_connection& c) noexcept {
    (c.previous_ != nullptr ? c.previous_->next_ : first_) = c.next_;
    (c.next_ != nullptr ? c.next_->previous_ : last_) = c.previous_;
}

// Looks at so many of the oldest only, and puts those who work to the others' front, so that it costs no more with
// many.
bool server::evict_one() noexcept {
    constexpr int looks = 64;
    server_connection* given_up = nullptr;
    server_connection* const newest = first_;
    for (int i = 0; i < looks && last_ != newest; ++i) {
        server_connection& c = *last_;
        if (c.is_idle()) {
            given_up = &c;
            break;
        }
        if (c.is_asking() && given_up == nullptr) given_up = &c;
        take_out(c);
        put_first(c);
    }
    if (given_up == nullptr) return false;
    evicted_.add();
    ++leaving_;
    given_up->gives_way_ = true;
    given_up->close();  // and destroyed when nobody on the stack can look at it any more
    return true;
}

void server::drain() {
    draining_ = true;
    for (const auto& l : listeners_) l->drain();
    for (server_connection *c = first_, *next; c != nullptr; c = next) {
        next = c->next_;
        c->drain();
    }
}

bool server::drained() const noexcept {
    return connections() == 0 && std::ranges::none_of(listeners_, [](const auto& l) { return l->is_open(); });
}

void server::close() {
    for (const auto& l : listeners_) l->close();
    for (server_connection *c = first_, *next; c != nullptr; c = next) {
        next = c->next_;
        c->close();
    }
}

}  // namespace fusebox::http
