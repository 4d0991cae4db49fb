#include <health-check/wishes.hpp>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <initializer_list>

namespace health_check {

namespace {

wish wish_of_key(char key) {
    switch (key) {
        case 's': return wish::toggle_database;
        case 't': return wish::toggle_calls;
        case 'q': return wish::quit;
        default: return wish::nothing;
    }
}

}  // namespace

wishes::wishes() {
    std::signal(SIGINT, SIG_DFL);  // a script's shell starts what runs in the background with this one ignored
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&wanted, s);
    ::pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
    signals_ = ::signalfd(-1, &wanted, SFD_CLOEXEC);
}

wishes::~wishes() {
    ::close(signals_);
}

wish wishes::next(bool with_keys) const {
    pollfd watched[] = {{signals_, POLLIN, 0}, {with_keys ? STDIN_FILENO : -1, POLLIN, 0}};
    if (::poll(watched, 2, 250) <= 0) return wish::nothing;
    if (watched[0].revents != 0) {
        signalfd_siginfo arrived{};
        const bool whole = ::read(signals_, &arrived, sizeof arrived) == sizeof arrived;
        return whole && arrived.ssi_signo == SIGUSR1 ? wish::toggle_database : wish::quit;
    }
    char key = 0;
    const auto got = ::read(STDIN_FILENO, &key, 1);
    if (got == 0 || (got < 0 && errno != EINTR)) return wish::quit;  // the terminal is gone
    return wish_of_key(key);
}

}  // namespace health_check
