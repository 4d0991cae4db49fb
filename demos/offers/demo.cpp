#include <offers/demo.hpp>

#include <offers/offer_service.hpp>
#include <offers/partner_offer_service.hpp>
#include <stage/circuit_log.hpp>
#include <stage/visits.hpp>

#include <fmt/format.h>

#include <unistd.h>

namespace offers {

namespace {

constexpr auto ask_every = std::chrono::seconds{1};

struct settings {
    partner_settings partner{};
    offer_settings offers{};  // an empty URL means: as started

    static settings from(stage::environment& env) {
        return {.partner = partner_settings::from(env), .offers = offer_settings::from(env, "")};
    }
};

struct addresses {
    std::string partner, offers;
};

std::string introduction(const addresses& at, const offer_settings& config, bool calls, bool keys) {
    const std::string toggle = keys ? "s" : fmt::format("kill -USR1 {}", ::getpid());
    const std::string quit = keys ? "q" : fmt::format("kill -TERM {}", ::getpid());
    return fmt::format(
               "Offers: hot ones from a partner, through a circuit breaker; cold ones of our own when there is "
               "none.\n\n"
               "  offer-service          {}/offer   /offer/circuit\n"
               "  partner-offer-service  {}/offer/hot; POST /offer/status/500\n\n"
               "{}. What to try:\n\n",
               at.offers, at.partner,
               calls ? "An offer is asked for again and again, a second after the last"
                     : "Nobody asks for offers but you") +
           fmt::format(
               "  {0}  let the partner answer 500: offers are cold; after {1} failures it is left alone for {2:g} s\n"
               "  {0}  let it answer 200 again: the next trial call then closes the circuit\n",
               toggle, config.fail_max, std::chrono::duration<double>(config.reset_timeout).count()) +
           (keys ? "  t  stop asking for offers, or go on\n" : "") +
           fmt::format("  {}  quit{}\n\n", quit, keys ? ", as does Ctrl-C" : "");
}

std::string status_line(offer_service& offers, const partner_offer_service& partner, const stage::visits& asking) {
    return fmt::format("{} | partner answers {} | calls {} | {}", stage::state_of(offers.circuit()), partner.status(),
                       asking.running() ? "on" : "paused", stage::calls_of(offers.circuit()));
}

void toggle_partner(partner_offer_service& partner, stage::console& screen) {
    partner.set_status(partner.status() == 200 ? 500 : 200);
    screen.print(fmt::format("the partner answers {} from now on", partner.status()));
}

// The services' lines have no time before them, as they are looked for by what they begin with.
auto lines_on(stage::console& screen) {
    return [&screen](const std::string& line) { screen.show(line + "\n"); };
}

void run_all(const stage::command_line& line, settings config, circuit_storage& storage, const stage::keys& wanted) {
    stage::console screen;
    stage::event_loop loop;
    partner_offer_service partner{config.partner};
    const auto partner_server = stage::listen(loop, line, "partner-offer-service", partner.routes());
    const std::string partner_url = stage::address_of(line.address, partner_server.port());
    if (config.offers.partner_url.empty()) config.offers.partner_url = partner_url;
    offer_service offers{loop.io().get_executor(), config.offers, storage, lines_on(screen)};
    const auto server = stage::listen(loop, line, "offer-service", offers.routes());
    const std::string url = stage::address_of(line.address, server.port());
    screen.show(introduction({partner_url, url}, config.offers, line.calls, screen.is_interactive()));
    const auto tell = [&screen](const auto& answer) {
        if (answer) screen.print("GET /offer: " + answer->body);
    };
    stage::visits asking{loop, url + "/offer", ask_every, line.calls, tell};
    for (;;) {
        screen.set_status(status_line(offers, partner, asking));
        switch (wanted.next(screen.is_interactive())) {
            case stage::keys::main_switch: toggle_partner(partner, screen); break;
            case 't': asking.toggle(); break;
            case stage::keys::quit: return;
            default: break;
        }
    }
}

void run_partner(const stage::command_line& line, const partner_settings& config, const stage::keys& wanted) {
    stage::event_loop loop;
    partner_offer_service partner{config};
    const auto server = stage::listen(loop, line, "partner-offer-service", partner.routes());
    stage::console{}.print("partner-offer-service on " + stage::address_of(line.address, server.port()));
    stage::wait_for_end(wanted);
}

void run_offers(const stage::command_line& line, const offer_settings& config, circuit_storage& storage,
                const stage::keys& wanted) {
    stage::console screen;
    stage::event_loop loop;
    offer_service offers{loop.io().get_executor(), config, storage, lines_on(screen)};
    const auto server = stage::listen(loop, line, "offer-service", offers.routes());
    screen.print("offer-service on " + stage::address_of(line.address, server.port()) + ", calls " +
                 config.partner_url);
    stage::wait_for_end(wanted);
}

void run(const stage::command_line& line, stage::environment& env, const stage::keys& wanted) {
    const auto checked = [&](auto config) {
        env.check();
        return config;
    };
    if (line.run == "partner-offer-service") return run_partner(line, checked(partner_settings::from(env)), wanted);
    const auto storage = storage_from(env);
    if (line.run == "offer-service") return run_offers(line, checked(offer_settings::from(env)), *storage, wanted);
    run_all(line, checked(settings::from(env)), *storage, wanted);
}

}  // namespace

const stage::demo demo{
    .name = "offers",
    .about = "hot offers of a partner's, and cold ones while its circuit is open",
    .usage =
        R"(An offer service that asks a partner, through a circuit breaker, and falls back to cold offers, over real HTTP.

  fusebox demo offers                    both services, in this terminal
  fusebox demo offers offer-service      one of them: partner-offer-service or offer-service
  fusebox demo offers --offer-service-port 8081

Options:
  --partner-offer-service-port N   8000 unless given; 0 takes a free one, here and below
  --offer-service-port N           8001 unless given
  --no-calls                       make no calls of its own: only yours count
  --bind ADDRESS                   where to listen; 127.0.0.1 unless given, 0.0.0.0 for every interface
  --help                           this text

Environment (times in seconds):
  PARTNER_STATUS 200, PARTNER_LATENCY 1    how the partner answers, and when
  PARTNER_URL                              where the partner is; http://127.0.0.1:8000 when the offer service runs alone
  FAIL_MAX 3, RESET_TIMEOUT 15             when the circuit opens, and for how long
  STATE_STORAGE memory                     where the circuit lives
  HTTPX_LOG_LEVEL                          debug or trace: a line for each request to the partner

Signals: INT and TERM end it; USR1 breaks the partner, and mends it again.
)",
    .services = {{"partner-offer-service", 8000}, {"offer-service", 8001}},
    .run = run,
};

}  // namespace offers
