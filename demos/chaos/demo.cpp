#include <chaos/demo.hpp>

#include <chaos/settings.hpp>
#include <chaos/tables.hpp>
#include <chaos/target.hpp>

#include <stage/console.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace chaos {

namespace {

double seconds(fusebox::duration d) {
    return std::chrono::duration<double>(d).count();
}

template <class Options>
struct variant_of {
    std::string name;
    Options options;
};

std::vector<variant_of<cascade_options>> variants(const cascade_options& seed, double scale) {
    auto without = seed.scaled(scale);
    without.has_breaker = false;
    auto impatient = seed;
    impatient.timeout = std::chrono::seconds{1};
    impatient = impatient.scaled(scale);
    return {{"no breaker", without},
            {"breaker", seed.scaled(scale)},
            {fmt::format("breaker, timeout {:.3g} s", seconds(impatient.timeout)), impatient}};
}

std::vector<variant_of<storm_options>> variants(const storm_options& seed, double scale) {
    auto with_budget = seed.scaled(scale);
    with_budget.has_budget = true;
    auto with_both = with_budget;
    with_both.has_breakers = true;
    return {{"no budget", seed.scaled(scale)}, {"one budget", with_budget}, {"budget and breakers", with_both}};
}

std::string introduction(const cascade_options& o) {
    return fmt::format(
        "\nCascade: a service hangs for {:g} s. It has {:g} callers a second, who wait {:g} s and try {} times. The "
        "breaker\n"
        "opens at {} failures within {:.3g} s, and {:.3g} s later lets one trial through.\n\n",
        seconds(o.outage), o.callers_per_second, seconds(o.timeout), o.tries, o.failures, seconds(o.window),
        seconds(o.recovery));
}

std::string introduction(const storm_options& o) {
    return fmt::format(
        "\nRetry storm: three tiers, one behind the other, try {} times each, and the service fails. {:g} callers a "
        "second, "
        "for {:.3g} s.\n\n",
        o.tries, o.callers_per_second, seconds(o.how_long));
}

using print_text = std::function<void(const std::string& text)>;

// Where scenarios are run: each in a simulation of its own,
class simulated_play {
public:
    template <template <class> class Scenario, class... Options>
    auto run(const std::string&, const Options&... options) {
        simulation world;
        Scenario<simulation> scenario{world, options...};
        world.run(scenario.run());
        return std::optional{scenario.figures()};
    }
};

// or all against one process. Nothing comes of one that is left, and of those after it.
class real_play {
public:
    real_play(reality& world, stage::console& screen, const stage::keys& wanted)
        : world_(world), screen_(screen), wanted_(wanted) {}

    template <template <class> class Scenario, class... Options>
    auto run(const std::string& name, const Options&... options) {
        Scenario<reality> scenario{world_, options...};
        const auto go_on = [&] {
            std::string status = name;
            if constexpr (requires { scenario.waiting(); })
                status += fmt::format(" | {} callers wait", scenario.waiting());
            screen_.set_status(status + " | q to quit");
            return wanted_.next(screen_.is_interactive()) != stage::keys::quit;
        };
        const bool whole = world_.run(scenario.run(), go_on);
        return whole ? std::optional{scenario.figures()} : std::nullopt;
    }

private:
    reality& world_;
    stage::console& screen_;
    const stage::keys& wanted_;
};

// False when it was left.
template <class Play>
bool show_monkey(Play& play, const monkey_options& options, const print_text& print) {
    print(fmt::format("Chaos monkey: {:g} % of {} calls fail by chance, one call every {:g} s.\n\n",
                      100 * options.fail_rate, options.calls, seconds(options.call_every)));
    const monkey_line_sink line = [&print](const std::string& text) { print(text + "\n"); };
    return play.template run<monkey>("chaos monkey", options, line).has_value();
}

template <class Play>
bool show_cascade(Play& play, const cascade_options& seed, double scale, const print_text& print) {
    print(introduction(seed.scaled(scale)));
    std::vector<column<cascade_figures>> columns;
    for (const auto& v : variants(seed, scale)) {
        const auto figures = play.template run<cascade>("cascade, " + v.name, v.options);
        if (!figures) return false;
        if (!figures->transitions.empty()) print(fmt::format("  {}:\n", v.name));
        for (const auto& line : figures->transitions) print(fmt::format("  {}\n", line));
        columns.push_back({v.name, *figures});
    }
    print("\n" + table_of(columns));
    print("\nA breaker knows nothing before the first timeout: the timeout decides how many wait until it opens.\n");
    return true;
}

template <class Play>
bool show_storm(Play& play, const storm_options& seed, double scale, const print_text& print) {
    print(introduction(seed.scaled(scale)));
    std::vector<column<storm_figures>> columns;
    for (const auto& v : variants(seed, scale)) {
        const auto figures = play.template run<storm>("storm, " + v.name, v.options);
        if (!figures) return false;
        columns.push_back({v.name, *figures});
    }
    print(table_of(columns));
    return true;
}

void run_target(const stage::command_line& line, const stage::keys& wanted) {
    stage::event_loop loop;
    target service;
    const auto server = stage::listen(loop, line, "target", service.routes());
    stage::console{}.print("target on " + stage::address_of(line.address, server.port()));
    stage::wait_for_end(wanted);
}

void run_real(const stage::command_line& line, const settings& config, const stage::keys& wanted) {
    reality world{{"/proc/self/exe", "demo", "chaos", "target", "--bind", line.address, "--target-port",
                   std::to_string(line.port("target"))}};
    stage::console screen;
    const print_text print = [&screen](const std::string& text) { screen.show(text); };
    print(fmt::format("The target is process {}, at {}. Cascade and storm run at {:.3g} of the simulation's times.\n\n",
                      world.target().pid(), world.target().url(), config.real_scale));
    real_play play{world, screen, wanted};
    const bool whole = show_monkey(play, config.monkey, print) &&
                       show_cascade(play, config.cascade, config.real_scale, print) &&
                       show_storm(play, config.storm, config.real_scale, print);
    if (!whole) print("\nLeft before its end.\n");
}

void run_simulated(const std::string& part, const settings& config, const stage::keys& wanted) {
    wanted.end_at_once();
    // Not on a stage::console: nobody would be left to give the terminal its mode back.
    const print_text print = [](const std::string& text) {
        std::fputs(text.c_str(), stdout);
        std::fflush(stdout);
    };
    const bool all = part == "all";
    simulated_play play;
    if (all || part == "monkey") show_monkey(play, config.monkey, print);
    if (all || part == "cascade") show_cascade(play, config.cascade, 1, print);
    if (all || part == "storm") show_storm(play, config.storm, 1, print);
    if (all) print("\nAll of this was simulated. Against a real process, in about a minute: fusebox demo chaos real\n");
}

void run(const stage::command_line& line, stage::environment& env, const stage::keys& wanted) {
    const auto config = settings::from(env);
    env.check();
    if (line.run == "target") return run_target(line, wanted);
    if (line.run == "real") return run_real(line, config, wanted);
    run_simulated(line.run, config, wanted);
}

}  // namespace

const stage::demo demo{
    .name = "chaos",
    .about = "a chaos monkey, a cascade and a retry storm, with and without breakers, as numbers",
    .usage =
        R"(A chaos monkey, a cascade and a retry storm, with and without breakers and budgets, as numbers.

  fusebox demo chaos              all three, simulated: virtual time, no network, done at once
  fusebox demo chaos monkey       one of them: monkey, cascade or storm
  fusebox demo chaos real         all three, with real clients against a process of their own; about a minute
  fusebox demo chaos target       that process alone

Options:
  --target-port N      where the target listens; a free port unless given
  --bind ADDRESS       127.0.0.1 unless given
  --help               this text

Environment (times in seconds):
  CHAOS_FAIL_RATE 0.3              share of the monkey's calls that fail, 0 to 1
  CALLS 100, CALL_EVERY 0.1        how many calls it makes, and how often
  SEED 1                           which of them fail, and how long retries pause
  REAL_TIMEOUT 3                   how long a try may take in the real form, 0.3 at least. The simulation's is 30: all times
                                   of the real cascade and storm are shorter in the same measure

Signals: INT and TERM end it, and the target with it.
)",
    .services = {{"monkey", {}}, {"cascade", {}}, {"storm", {}}, {"real", {}}, {"target", 0}},
    .calls = stage::own_calls::none,
    .run = run,
};

}  // namespace chaos
