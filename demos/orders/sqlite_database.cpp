#include <orders/sql_database.hpp>

#include <sqlite3.h>

#include <map>

namespace orders {

namespace {

constexpr int patience_ms = 5000;  // with another process that writes to the same file

struct close_database {
    void operator()(sqlite3* c) const { sqlite3_close_v2(c); }
};
struct finalize_statement {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

class sqlite_database final : public sql_database {
public:
    explicit sqlite_database(const std::string& path)
        : sql_database({.begin = "BEGIN IMMEDIATE", .numbering = "INTEGER"}) {
        sqlite3* opened = nullptr;
        const int failed = sqlite3_open_v2(path.empty() ? ":memory:" : path.c_str(), &opened,
                                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
        connection_.reset(opened);
        if (failed != SQLITE_OK)
            throw database_error("cannot open the database " + path + ": " + sqlite3_errstr(failed));
        sqlite3_busy_timeout(opened, patience_ms);
        run("PRAGMA journal_mode = WAL", {});
    }

    std::vector<row> run(const std::string& statement, const std::vector<value>& values) override {
        sqlite3_stmt* const prepared = prepare(statement);
        // A statement that is not reset keeps its locks.
        const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> in_use{prepared, sqlite3_reset};
        for (std::size_t i = 0; i < values.size(); ++i) bind(prepared, "$" + std::to_string(i + 1), values[i]);
        std::vector<row> rows;
        int step = sqlite3_step(prepared);
        for (; step == SQLITE_ROW; step = sqlite3_step(prepared)) rows.push_back(read(prepared));
        if (step != SQLITE_DONE) fail(statement);
        return rows;
    }

private:
    sqlite3_stmt* prepare(const std::string& statement) {
        auto& kept = prepared_[statement];
        if (!kept) {
            sqlite3_stmt* made = nullptr;
            if (sqlite3_prepare_v2(connection_.get(), statement.c_str(), -1, &made, nullptr) != SQLITE_OK)
                fail(statement);
            kept.reset(made);
        }
        return kept.get();
    }

    void bind(sqlite3_stmt* to, const std::string& name, const value& v) {
        const int at = sqlite3_bind_parameter_index(to, name.c_str());
        int failed = SQLITE_OK;
        if (const auto* number = std::get_if<std::int64_t>(&v)) failed = sqlite3_bind_int64(to, at, *number);
        else {
            const auto& text = std::get<std::string>(v);
            failed = sqlite3_bind_text64(to, at, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
        }
        if (failed != SQLITE_OK) fail(name);
    }

    static row read(sqlite3_stmt* from) {
        std::vector<value> values;
        for (int i = 0; i < sqlite3_column_count(from); ++i) {
            if (sqlite3_column_type(from, i) == SQLITE_INTEGER) {
                values.emplace_back(std::int64_t{sqlite3_column_int64(from, i)});
                continue;
            }
            const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(from, i));
            values.emplace_back(std::string(text ? text : "", static_cast<std::size_t>(sqlite3_column_bytes(from, i))));
        }
        return row{std::move(values)};
    }

    [[noreturn]] void fail(const std::string& doing) {
        throw database_error("SQLite: " + std::string(sqlite3_errmsg(connection_.get())) + ", at: " + doing);
    }

    std::unique_ptr<sqlite3, close_database> connection_;
    std::map<std::string, std::unique_ptr<sqlite3_stmt, finalize_statement>> prepared_;  // the first to go
};

}  // namespace

std::unique_ptr<sql_database> open_sqlite(const std::string& path) {
    return std::make_unique<sqlite_database>(path);
}

}  // namespace orders
