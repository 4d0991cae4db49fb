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
        if (failed == std::errc::too_many_files_open) shed_.add();
        return;
    }
    server_connection& c = *made.release();
    c.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &c;
    first_ = &c;
    accepted_.add();
    if (draining_) c.drain();
    connections_.add();
    if (connections() < most_connections_) return;
    full_ = true;
    for (const auto& l : listeners_) l->pause();
}

void server::closed(server_connection& c) noexcept {
    (c.previous_ != nullptr ? c.previous_->next_ : first_) = c.next_;
    if (c.next_ != nullptr) c.next_->previous_ = c.previous_;
    delete &c;
    connections_.subtract();
    if (!full_) return;
    full_ = false;
    for (const auto& l : listeners_) l->resume();
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
