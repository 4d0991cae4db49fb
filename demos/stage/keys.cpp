#include <stage/keys.hpp>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <initializer_list>

namespace stage {

namespace {

constexpr auto quitting = {SIGINT, SIGTERM, SIGHUP};

sigset_t set_of(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (const int s : signals) sigaddset(&set, s);
    return set;
}

}  // namespace

keys::keys() {
    std::signal(SIGINT, SIG_DFL);  // a script's shell starts what runs in the background with this one ignored
    sigset_t wanted = set_of(quitting);
    sigaddset(&wanted, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
    signals_ = ::signalfd(-1, &wanted, SFD_CLOEXEC);
}

keys::~keys() {
    ::close(signals_);
}

void keys::end_at_once() const {
    // Not what the system does by itself, which spares a container's first process.
    for (const int s : quitting) std::signal(s, [](int number) { ::_exit(128 + number); });
    const sigset_t heard = set_of(quitting);
    ::pthread_sigmask(SIG_UNBLOCK, &heard, nullptr);
}

char keys::next(bool from_terminal) const {
    pollfd watched[] = {{signals_, POLLIN, 0}, {from_terminal ? STDIN_FILENO : -1, POLLIN, 0}};
    if (::poll(watched, 2, 250) <= 0) return none;
    if (watched[0].revents != 0) {
        signalfd_siginfo arrived{};
        const bool whole = ::read(signals_, &arrived, sizeof arrived) == sizeof arrived;
        return whole && arrived.ssi_signo == SIGUSR1 ? main_switch : quit;
    }
    char key = none;
    const auto got = ::read(STDIN_FILENO, &key, 1);
    if (got == 0 || (got < 0 && errno != EINTR)) return quit;
    return key;
}

}  // namespace stage
