#include <stage/keys.hpp>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <initializer_list>

namespace stage {

keys::keys() {
    std::signal(SIGINT, SIG_DFL);  // a script's shell starts what runs in the background with this one ignored
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&wanted, s);
    ::pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
    signals_ = ::signalfd(-1, &wanted, SFD_CLOEXEC);
}

keys::~keys() {
    ::close(signals_);
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
