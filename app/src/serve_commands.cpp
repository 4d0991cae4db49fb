#include "serve_commands.hpp"

#include "check_command.hpp"
#include "exit_code.hpp"
#include "notices.hpp"

#include <fusebox/gateway/configuration_file.hpp>
#include <fusebox/gateway/engine.hpp>

#include <csignal>
#include <initializer_list>
#include <ostream>

#include <sys/resource.h>
#include <unistd.h>

namespace fusebox::app {

namespace {

std::string text_of(const gateway::socket_address& a, std::uint16_t port) {
    const bool six = a.host.find(':') != std::string::npos;
    return (a.host.empty() ? "0.0.0.0" : six ? "[" + a.host + "]" : a.host) + ":" + std::to_string(port);
}

// Each connection takes a descriptor, and shells give 1024. The soft limit is for programs that use select(), which
// can count no further; whoever wants fewer lowers the hard one.
void take_all_descriptors() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

sigset_t set_of(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (const int s : signals) sigaddset(&set, s);
    return set;
}

// That nobody reads what is written, or that a file may not grow, is an error like others.
void ignore_signals_of_writing() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
}

// Returns when a signal that ends it has come. The others are asked by habit for what other servers do; whoever sends
// them must not end this one.
void wait_for_end(const sigset_t& heard, gateway::engine& engine, std::ostream& err) {
    for (;;) {
        int signal = 0;
        ::sigwait(&heard, &signal);
        switch (signal) {
            case SIGUSR1: engine.reopen_logs(); break;
            case SIGHUP: err << "fusebox: SIGHUP: the file is not read again; start anew to change it\n"; break;
            case SIGUSR2: err << "fusebox: SIGUSR2: there is no upgrade in place; start anew\n"; break;
            default: return;
        }
    }
}

// Serves until a signal comes.
int serve(const gateway::configuration& c, unsigned workers, std::ostream& err) {
    // Before any thread begins, so that all inherit it and only sigwait() hears of these.
    const sigset_t ends = set_of({SIGTERM, SIGINT, SIGQUIT});
    const sigset_t heard = set_of({SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2});
    ::pthread_sigmask(SIG_BLOCK, &heard, nullptr);
    ignore_signals_of_writing();
    take_all_descriptors();
    auto engine = gateway::engine::make(c, {workers});
    if (!engine) {
        for (const config_error& e : engine.error()) err << "fusebox: " << e.message() << '\n';
        return wrong_config;
    }
    if (const auto failure = (*engine)->start()) {
        err << "fusebox: " << *failure << '\n';
        return failed;
    }
    for (std::size_t i = 0; i < c.listen.size(); ++i)
        err << "fusebox: listening on " << text_of(c.listen[i], (*engine)->port(i)) << '\n';
    err << "fusebox: admin port on " << text_of(c.admin.listen, (*engine)->admin_port()) << '\n';
    if (c.admin.asks_for_token())
        err << "fusebox: the admin port asks for its token (Authorization: Bearer), but for /livez and /readyz\n";
    for (const std::string& name : (*engine)->unknown_endpoints())
        err << "fusebox: warning: the name of endpoint " << name << " is not found; it is looked up again\n";
    err.flush();
    wait_for_end(heard, **engine, err);
    err << "fusebox: draining; the signal once more ends it at once\n" << std::flush;
    for (const int s : {SIGTERM, SIGINT, SIGQUIT}) std::signal(s, SIG_DFL);
    ::pthread_sigmask(SIG_UNBLOCK, &ends, nullptr);
    (*engine)->stop();
    return ok;
}

}  // namespace

int serve_gateway(const gateway_request& request, std::ostream& err) {
    const auto text = read_file(request.file);
    if (!text) {
        err << "fusebox gateway: " << text.error() << '\n';
        return failed;
    }
    const auto checked = gateway::read_configuration(*text, request.file == "-" ? "stdin" : request.file);
    if (!checked) {
        for (const auto& d : checked.error()) err << d.text() << '\n';
        return wrong_config;
    }
    for (const auto& d : gateway::lint(*checked)) err << d.text() << '\n';
    notices said{STDERR_FILENO};
    return serve(checked->value, request.workers, said.stream());
}

int serve_proxy(const proxy_request& request, std::ostream& err) {
    // As a file, so that all addresses are read by one reader, and refused in the same words.
    constexpr std::string_view scheme = "http://";
    std::string to = request.to;
    if (to.starts_with(scheme)) to.erase(0, scheme.size());
    if (to.ends_with('/')) to.pop_back();
    const auto quoted = [](const std::string& s) {
        std::string out = "'";
        for (const char c : s) out += c == '\'' ? std::string("''") : std::string(1, c);
        return out + "'";
    };
    const std::string file = "listen: " + quoted(request.listen) + "\nadmin: " + quoted(request.admin) +
                             "\nupstreams: { upstream: { endpoints: [" + quoted(to) +
                             "] } }\nroutes: [{ match: { path_prefix: / }, upstream: upstream }]\n";
    const auto checked = gateway::read_configuration(file, "proxy", [](const std::string&) { return std::nullopt; });
    if (!checked) {
        for (const auto& d : checked.error()) err << "fusebox proxy: " << d.path << ": " << d.message << '\n';
        err << "fusebox proxy: for example: fusebox proxy --listen :8080 --to http://127.0.0.1:9000\n";
        return wrong_usage;
    }
    notices said{STDERR_FILENO};
    return serve(checked->value, request.workers, said.stream());
}

}  // namespace fusebox::app
