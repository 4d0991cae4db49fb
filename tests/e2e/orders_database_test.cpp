// The databases of the orders demo: the same story on SQLite, in memory and in a file, and on PostgreSQL where its
// programs are installed (scripts/setup test).
#include "orders_fixture.hpp"

#if defined(FUSEBOX_POSTGRES)
#include "postgres_cluster.hpp"
#endif

#include <orders/order_store.hpp>
#include <orders/stock.hpp>

#include <filesystem>
#include <latch>

namespace {

using namespace e2e;
using orders::open_database;
using orders::sql_database;

#if defined(FUSEBOX_POSTGRES)
postgres_cluster& cluster() {
    static postgres_cluster the_cluster;
    return the_cluster;
}
#endif

// A server that has just begun does not listen yet.
std::unique_ptr<sql_database> open_soon(const std::string& url) {
    std::unique_ptr<sql_database> opened;
    EXPECT_TRUE(eventually([&] {
        try {
            opened = open_database(url);
        } catch (const orders::database_error&) {
            return false;
        }
        return true;
    })) << url;
    return opened;
}

class databases : public testing::TestWithParam<const char*> {
protected:
    databases() {
        const std::string kind = GetParam();
        if (kind == "file") {
            char name[] = "/tmp/fusebox-orders-XXXXXX";
            folder_ = ::mkdtemp(name);
            url_ = "sqlite://" + folder_ + "/orders.db";
        }
#if defined(FUSEBOX_POSTGRES)
        if (kind == "postgresql") url_ = cluster().url();
#endif
        db = open_soon(url_);
        for (const char* table : {"products", "stock_taken", "orders", "order_items", "outbox"})
            db->run(std::string("DROP TABLE IF EXISTS ") + table);
        orders::make_stock(*db);
        orders::make_orders(*db);
    }
    ~databases() override {
        db.reset();
        if (!folder_.empty()) std::filesystem::remove_all(folder_);
    }

    std::int64_t stock(std::int64_t product) { return orders::find_product(*db, product)->stock; }

    std::string url_ = "sqlite://";
    std::unique_ptr<sql_database> db;

private:
    std::string folder_;
};

#if defined(FUSEBOX_POSTGRES)
INSTANTIATE_TEST_SUITE_P(all, databases, testing::Values("memory", "file", "postgresql"),
                         [](const auto& kind) { return std::string(kind.param); });
#else
INSTANTIATE_TEST_SUITE_P(all, databases, testing::Values("memory", "file"),
                         [](const auto& kind) { return std::string(kind.param); });
#endif

TEST_P(databases, stock_is_taken_as_long_as_there_is_enough) {
    using orders::taking;
    EXPECT_EQ(orders::take_stock(*db, 3, 2, ""), taking::done);
    EXPECT_EQ(orders::take_stock(*db, 3, 2, ""), taking::not_enough);
    EXPECT_EQ(orders::take_stock(*db, 99, 1, ""), taking::no_such_product);
    EXPECT_EQ(stock(3), 1);
}

TEST_P(databases, stock_is_taken_once_for_a_key_and_given_back_once) {
    using orders::taking;
    EXPECT_EQ(orders::take_stock(*db, 2, 10, "a"), taking::done);
    EXPECT_EQ(orders::take_stock(*db, 2, 10, "a"), taking::done);
    EXPECT_EQ(stock(2), 490);
    EXPECT_EQ(orders::give_back_stock(*db, 2, "a"), 10);
    EXPECT_EQ(orders::give_back_stock(*db, 2, "a"), 0);
    EXPECT_EQ(stock(2), 500);
    EXPECT_EQ(orders::take_stock(*db, 2, 10, "a"), taking::given_back_already) << "held up on its way";
    EXPECT_EQ(orders::give_back_stock(*db, 2, "b"), 0) << "before it was taken";
    EXPECT_EQ(orders::take_stock(*db, 2, 10, "b"), taking::given_back_already);
    EXPECT_EQ(stock(2), 500);
}

TEST_P(databases, an_order_and_its_confirmation_are_written_together_once_for_a_key) {
    const orders::order wanted{.key = "k", .customer_id = 1, .payment_method = "COD", .items = {{1, 2}, {3, 1}}};
    const auto created = orders::create_order(*db, wanted, "mai@example.com");
    ASSERT_TRUE(created.has_value());
    EXPECT_EQ(orders::create_order(*db, wanted, "mai@example.com")->id, created->id);
    const auto found = orders::find_order(*db, created->id);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->status, "created");
    ASSERT_EQ(found->items.size(), 2u);
    EXPECT_EQ(found->items[1].product_id, 3);
    ASSERT_EQ(orders::outbox(*db).size(), 1u);
    EXPECT_EQ(orders::outbox(*db)[0].order_id, created->id);
    EXPECT_TRUE(orders::confirmed(*db, created->id));
    EXPECT_FALSE(orders::confirmed(*db, created->id));
    EXPECT_TRUE(orders::outbox(*db).empty());
}

TEST_P(databases, a_cancelled_order_is_not_confirmed_and_does_not_come_back) {
    const orders::order wanted{.key = "k", .customer_id = 1, .payment_method = "COD", .items = {{1, 2}}};
    const auto created = orders::create_order(*db, wanted, "mai@example.com");
    EXPECT_TRUE(orders::cancel_order(*db, "k"));
    EXPECT_FALSE(orders::cancel_order(*db, "k"));
    EXPECT_EQ(orders::find_order(*db, created->id)->status, "cancelled");
    EXPECT_TRUE(orders::outbox(*db).empty());
    EXPECT_FALSE(orders::create_order(*db, wanted, "").has_value());
    EXPECT_FALSE(orders::cancel_order(*db, "late")) << "it is not there yet";
    orders::order late = wanted;
    late.key = "late";
    EXPECT_FALSE(orders::create_order(*db, late, "").has_value()) << "and may not come any more";
}

TEST_P(databases, what_fails_half_way_leaves_nothing) {
    const auto half = [&] {
        db->run("UPDATE products SET stock = 0 WHERE id = 1");
        db->run("INSERT INTO products (id, name, stock) VALUES (1, 'again', 1)");
        return 0;
    };
    EXPECT_THROW(db->transaction(half), orders::database_error);
    EXPECT_EQ(stock(1), 100'000);
    EXPECT_EQ(orders::take_stock(*db, 1, 1, "after"), orders::taking::done) << "and the next one works";
}

TEST_P(databases, a_value_is_never_a_part_of_the_statement) {
    const std::string nasty = "x'); DROP TABLE orders; -- \" \\ ’ ñ";
    const orders::order wanted{.key = nasty, .customer_id = 1, .payment_method = nasty, .items = {{1, 1}}};
    const auto created = orders::create_order(*db, wanted, nasty);
    EXPECT_EQ(orders::find_order(*db, created->id)->payment_method, nasty);
    EXPECT_EQ(orders::outbox(*db)[0].to, nasty);
}

TEST_P(databases, a_whole_order_goes_through_them) {
    if (url_ == "sqlite://") db.reset();  // each service has a memory of its own
    shop_under_test shop{{}, url_};
    const auto placed = shop.place_order();
    EXPECT_EQ(placed.status, 200) << placed.body;
    EXPECT_EQ(shop.stock(1), 99'999);
    shop.order.answers("POST /orders", 500);
    EXPECT_EQ(shop.place_order().status, 500);
    EXPECT_EQ(shop.stock(1), 99'999) << "given back";
}

TEST(database, a_file_keeps_what_it_was_told_across_its_services_lives) {
    char name[] = "/tmp/fusebox-orders-XXXXXX";
    const std::string folder = ::mkdtemp(name);
    const std::string url = "sqlite://" + folder + "/orders.db";
    {
        const auto db = open_database(url);
        orders::make_stock(*db);
        EXPECT_EQ(orders::take_stock(*db, 2, 7, ""), orders::taking::done);
    }
    const auto db = open_database(url);
    orders::make_stock(*db);
    EXPECT_EQ(orders::find_product(*db, 2)->stock, 493) << "and the demo's own products do not come back over it";
    std::filesystem::remove_all(folder);
}

TEST(database, a_url_that_cannot_be_meant_is_refused_without_being_repeated) {
    for (const char* bad : {"", "sqlite", "sqlite://orders.db", "sqlite:///", "mysql://root:secret@db/orders"}) {
        try {
            (void)open_database(bad);
            ADD_FAILURE() << bad;
        } catch (const std::invalid_argument& e) {
            EXPECT_TRUE(std::string(e.what()).starts_with("DATABASE_URL must be sqlite:// (in memory), ")) << bad;
            EXPECT_FALSE(std::string(e.what()).contains("secret"));
        }
    }
    EXPECT_THROW((void)open_database("postgresql://[bad"), std::invalid_argument);
    EXPECT_THROW((void)open_database("sqlite:///nowhere/at/all/orders.db"), orders::database_error);
}

// The bulkhead: what the one thread and its queue cannot hold is refused, and nobody's loop stands still.
TEST(database, a_database_that_falls_behind_refuses_instead_of_piling_up) {
    orders::database_thread database{open_database("sqlite://")};
    std::latch stuck{1};
    std::atomic<int> refused{0};
    std::atomic<int> answered{0};
    const auto wait = [&](sql_database&) {
        stuck.wait();
        return 0;
    };
    const auto count = [&](const std::exception_ptr&, std::expected<int, std::string> got) {
        ++(got ? answered : refused);
        EXPECT_EQ(got.value_or(0), 0);
        EXPECT_TRUE(got || got.error().starts_with("too much waits for the database: "));
    };
    for (int i = 0; i < 70; ++i) loop().run([&] { net::co_spawn(loop().io(), database.run(wait), count); });
    EXPECT_TRUE(eventually([&] { return refused == 70 - 65; })) << "one at work, 64 in the queue";
    EXPECT_EQ(answered, 0);
    stuck.count_down();
    EXPECT_TRUE(eventually([&] { return answered == 65; }));
}

#if defined(FUSEBOX_POSTGRES)
TEST(database, a_postgresql_that_was_restarted_is_found_again) {
    const auto db = open_soon(cluster().url());
    EXPECT_EQ(db->run("SELECT $1 + 1", {std::int64_t{41}}).front().number(0), 42);
    cluster().stop();
    EXPECT_THROW(db->run("SELECT $1 + 1", {std::int64_t{41}}), orders::database_error);
    cluster().start();
    EXPECT_TRUE(eventually([&] {
        try {
            return db->run("SELECT $1 + 1", {std::int64_t{41}}).front().number(0) == 42;
        } catch (const orders::database_error&) {
            return false;
        }
    }));
}
#endif

}  // namespace
