// The settings of the orders demo: from variables, from .env, from presets and from a file.
#include "orders_fixture.hpp"

#include <filesystem>
#include <fstream>

namespace {

using namespace e2e;
using orders::breaker_settings;

// A file that is gone with the test.
class file_with {
public:
    explicit file_with(const std::string& text) {
        char name[] = "/tmp/fusebox-breakers-XXXXXX";
        const int made = ::mkstemp(name);
        EXPECT_GE(made, 0);
        ::close(made);
        path_ = name;
        std::ofstream{path_} << text;
    }
    file_with(const file_with&) = delete;
    file_with& operator=(const file_with&) = delete;
    ~file_with() { std::filesystem::remove(path_); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

TEST(orders_settings, A002_E1_three_failures_and_30_s_unless_the_environment_says_otherwise) {
    auto nothing = environment_of({});
    const auto usual = breaker_settings::from(nothing).usual;
    EXPECT_EQ(usual.threshold, 3u);
    EXPECT_EQ(usual.cooldown, 30s);
    EXPECT_FALSE(usual.count_http_5xx);
    auto set = environment_of({{"CB_THRESHOLD", "7"}, {"CB_COOLDOWN_SECONDS", "0.5"}, {"COUNT_HTTP_5XX", "1"}});
    const auto given = breaker_settings::from(set).usual;
    EXPECT_EQ(given.threshold, 7u);
    EXPECT_EQ(given.cooldown, 500ms);
    EXPECT_TRUE(given.count_http_5xx);
}

TEST(orders_settings, A002_E1_a_file_named_dot_env_is_heeded_and_variables_go_before_it) {
    auto env = environment_of({{"CB_THRESHOLD", "5"}});
    env.add_file("# .env file\nCB_THRESHOLD=9\nCB_COOLDOWN_SECONDS=12\n");
    const auto given = breaker_settings::from(env).usual;
    EXPECT_EQ(given.threshold, 5u);
    EXPECT_EQ(given.cooldown, 12s);
}

// As the document has them, remarks and all.
TEST(orders_settings, A002_E1_G1_the_documents_own_blocks_are_understood) {
    const auto of = [](const std::string& file) {
        auto env = environment_of({});
        env.add_file(file);
        const auto s = breaker_settings::from(env).usual;
        EXPECT_TRUE(env.refused().empty()) << env.refused().front();
        EXPECT_EQ(env.warning(), "");
        return std::pair{s.threshold, s.cooldown};
    };
    using setting = std::pair<std::uint32_t, fusebox::duration>;
    EXPECT_EQ(of("# .env file\n"
                 "CB_THRESHOLD=3              # Fail 3 lần → circuit open\n"
                 "CB_COOLDOWN_SECONDS=30      # Chờ 30s trước khi thử lại\n"),
              (setting{3, 30s}));
    EXPECT_EQ(of("CB_THRESHOLD=5              # Cho phép nhiều lỗi hơn\n"
                 "CB_COOLDOWN_SECONDS=60      # Chờ lâu hơn\n"),
              (setting{5, 60s}));
    EXPECT_EQ(of("CB_THRESHOLD=2              # Fail nhanh\n"
                 "CB_COOLDOWN_SECONDS=10      # Thử lại nhanh\n"),
              (setting{2, 10s}));
    EXPECT_EQ(of("CB_THRESHOLD=1              # Không chấp nhận lỗi\n"
                 "CB_COOLDOWN_SECONDS=120     # Chờ lâu trước khi thử lại\n"),
              (setting{1, 120s}));
}

TEST(orders_settings, A002_E1_dot_env_is_written_as_shells_and_compose_have_it) {
    const auto of = [](const std::string& line) {
        auto env = environment_of({});
        env.add_file(line);
        EXPECT_EQ(env.warning(), "") << line;
        return env.text("A", "not set");
    };
    EXPECT_EQ(of("A=b"), "b");
    EXPECT_EQ(of("\tA = b \r\n"), "b");
    EXPECT_EQ(of("export A=b"), "b");
    EXPECT_EQ(of("A=\"b # c\"   # a remark"), "b # c");
    EXPECT_EQ(of("A='b'"), "b");
    EXPECT_EQ(of("A=b#c\t# a remark"), "b#c");
    EXPECT_EQ(of("A=b=c"), "b=c");
    EXPECT_EQ(of("exports=1\nA=b"), "b");
    EXPECT_EQ(of("A= # nothing"), "not set");
    EXPECT_EQ(of("A="), "not set") << "as where Compose passes on what is not there";
}

TEST(orders_settings, A002_E1_other_lines_of_dot_env_are_left_out_with_one_warning) {
    auto env = environment_of({{"CB_COOLDOWN_SECONDS", ""}});
    env.add_file("CB_THRESHOLD=4\n\nset -o allexport\nMY-NAME=1\n=2\nA=\"b\n9A=1\nA='b' c\nCB_COOLDOWN_SECONDS=7\n");
    const auto given = breaker_settings::from(env).usual;
    EXPECT_EQ(given.threshold, 4u);
    EXPECT_EQ(given.cooldown, 7s) << "an empty variable is none";
    EXPECT_TRUE(env.refused().empty());
    EXPECT_EQ(env.warning(),
              ".env:3: this line is left out (5 more after it); a line is NAME=value, or a remark after #");
    auto one = environment_of({});
    one.add_file("A=1\nB");
    EXPECT_EQ(one.warning(), ".env:2: this line is left out; a line is NAME=value, or a remark after #");
}

TEST(orders_settings, A002_E1_the_circuit_obeys_them) {
    shop_under_test shop{{.usual = {.threshold = 2, .cooldown = 60s}}};
    shop.product.stop();
    EXPECT_EQ(shop.place_order().status, 502);
    EXPECT_EQ(shop.place_order().status, 502);
    EXPECT_EQ(shop.place_order().status, 503);
    shop.product.start();
    shop.clock.advance(59s);
    EXPECT_EQ(shop.place_order().status, 503);
    shop.clock.advance(2s);
    EXPECT_EQ(shop.place_order().status, 200);
}

TEST(orders_settings, A002_G1_the_presets_are_the_seeds_and_what_is_set_goes_before_them) {
    const auto of = [](std::map<std::string, std::string> variables) {
        auto env = environment_of(std::move(variables));
        const auto s = breaker_settings::from(env).usual;
        EXPECT_TRUE(env.refused().empty());
        return std::pair{s.threshold, s.cooldown};
    };
    using setting = std::pair<std::uint32_t, fusebox::duration>;
    EXPECT_EQ(of({{"CB_PRESET", "high-traffic"}}), (setting{5, 60s}));
    EXPECT_EQ(of({{"CB_PRESET", "low-latency"}}), (setting{2, 10s}));
    EXPECT_EQ(of({{"CB_PRESET", "critical"}}), (setting{1, 120s}));
    EXPECT_EQ(of({{"CB_PRESET", "critical"}, {"CB_THRESHOLD", "2"}}), (setting{2, 120s}));
}

TEST(orders_settings, A002_G2_one_file_says_what_differs_for_a_service) {
    const file_with breakers{
        "auth: {threshold: 2, timeout: 60}\n"
        "product: {threshold: 3, timeout: 30, count_http_5xx: true}\n"
        "notification: {threshold: 5, timeout: 10}\n"
        "cart: {timeout: 0.5}\n"};
    auto env = environment_of({{"CB_CONFIG", breakers.path()}, {"CB_THRESHOLD", "4"}});
    const auto all = breaker_settings::from(env);
    EXPECT_TRUE(env.refused().empty());
    EXPECT_EQ(all.of("auth").threshold, 2u);
    EXPECT_EQ(all.of("auth").cooldown, 60s);
    EXPECT_TRUE(all.of("product").count_http_5xx);
    EXPECT_EQ(all.of("notification").threshold, 5u);
    EXPECT_EQ(all.of("notification").cooldown, 10s);
    EXPECT_EQ(all.of("cart").threshold, 4u) << "what the file leaves out is as for all";
    EXPECT_EQ(all.of("cart").cooldown, 500ms);
    EXPECT_EQ(all.of("customer").threshold, 4u);
    EXPECT_EQ(all.of("customer").cooldown, 30s);

    shop_under_test shop{all};
    shop.auth.stop();
    EXPECT_EQ(shop.place_order().status, 502);
    EXPECT_EQ(shop.place_order().status, 502);
    EXPECT_EQ(shop.place_order().status, 503);
    EXPECT_EQ(shop.circuit("auth")["cooldown_seconds"], 60);
}

TEST(orders_settings, A002_G2_the_file_that_is_shipped_says_what_the_seed_has) {
    auto env = environment_of({{"CB_CONFIG", FUSEBOX_SOURCE_DIR "/demos/orders/breakers.yaml"}});
    const auto all = breaker_settings::from(env);
    EXPECT_TRUE(env.refused().empty());
    EXPECT_EQ(all.of("auth").threshold, 2u);
    EXPECT_EQ(all.of("product").cooldown, 30s);
    EXPECT_EQ(all.of("notification").threshold, 5u);
}

TEST(orders_settings, A002_G2_a_file_that_cannot_be_meant_is_refused_with_the_line) {
    const auto says = [](const std::string& text, const std::string& what) {
        const auto read = orders::read_breaker_file(text, "b.yaml", {});
        ASSERT_FALSE(read.has_value()) << text;
        EXPECT_EQ(read.error(), what);
    };
    says("auth: {threshold: 2}\nprodct: {threshold: 3}\n",
         "b.yaml:2: there is no service 'prodct'; there are auth, customer, product, order, cart, notification");
    says("auth: {treshold: 2}\n",
         "b.yaml:1: there is no option 'auth.treshold'; there are threshold, timeout and count_http_5xx");
    for (const char* bad : {"0", "-1", "1.5", "many", "[1]", "2000000"})
        says(std::string("auth:\n  threshold: ") + bad + "\n",
             "b.yaml:2: auth.threshold must be a whole number from 1 to 1000000");
    for (const char* bad : {"0", "-1", ".nan", "30s", "{}"})
        says(std::string("auth:\n  timeout: ") + bad + "\n",
             "b.yaml:2: auth.timeout must be a number of seconds from 0.001 to 86400");
    says("auth: {count_http_5xx: 1}\n", "b.yaml:1: auth.count_http_5xx must be true or false");
    says("auth: {threshold: 1, threshold: 2}\n", "b.yaml:1: auth.threshold is there twice");
    says("auth: {threshold: 1}\nauth: {threshold: 2}\n", "b.yaml:2: auth is there twice");
    says("- auth\n", "b.yaml:1: must be a table of services, as in: product: {threshold: 3, timeout: 30}");
    says("auth: 3\n", "b.yaml:1: auth must be a table with threshold, timeout, or count_http_5xx");
    const auto broken = orders::read_breaker_file("auth: {threshold: 1\n", "b.yaml", {});
    ASSERT_FALSE(broken.has_value());
    EXPECT_TRUE(broken.error().starts_with("b.yaml:")) << broken.error();
}

TEST(orders_settings, settings_that_cannot_be_meant_are_refused) {
    auto env = environment_of({{"CB_THRESHOLD", "0"},
                               {"CB_COOLDOWN_SECONDS", "-1"},
                               {"COUNT_HTTP_5XX", "yes"},
                               {"CB_PRESET", "calm"},
                               {"CB_CONFIG", "/nowhere/breakers.yaml"}});
    (void)breaker_settings::from(env);
    EXPECT_EQ(env.refused(),
              (std::vector<std::string>{"CB_PRESET=calm must be high-traffic, low-latency or critical",
                                        "CB_THRESHOLD=0 must be a whole number from 1 to 1000000",
                                        "CB_COOLDOWN_SECONDS=-1 must be a number of seconds from 0.001 to 86400",
                                        "COUNT_HTTP_5XX=yes must be a whole number from 0 to 1",
                                        "CB_CONFIG=/nowhere/breakers.yaml cannot be read"}));
}

}  // namespace
