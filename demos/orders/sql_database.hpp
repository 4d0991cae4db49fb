// A database, spoken to in the SQL that SQLite and PostgreSQL share. Which of them it is, one setting decides:
//
//   DATABASE_URL=sqlite://                       in memory, and gone with the process; the default
//   DATABASE_URL=sqlite:///data/orders.db        a file, by its absolute path
//   DATABASE_URL=postgresql://user@host/orders   and whatever else libpq understands
//
// Statements are prepared once and kept; a value never becomes part of a statement's text. Calls block: see
// database_thread.hpp for who waits for them.
//
// Thread-safety: none; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace orders {

using value = std::variant<std::int64_t, std::string>;

class row {
public:
    explicit row(std::vector<value> values) : values_(std::move(values)) {}

    std::int64_t number(std::size_t column) const { return std::get<std::int64_t>(values_.at(column)); }
    const std::string& text(std::size_t column) const { return std::get<std::string>(values_.at(column)); }

private:
    std::vector<value> values_;
};

// What the database did not do, and why.
struct database_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Where the two differ.
struct sql_dialect {
    const char* begin;      // of a transaction that will write
    const char* numbering;  // the type of a column whose rows number themselves
};

class sql_database {
public:
    sql_database(const sql_database&) = delete;
    sql_database& operator=(const sql_database&) = delete;
    virtual ~sql_database() = default;

    // `statement` has $1, $2, … where the values go. Columns are of whole numbers or text, and never null.
    // Throws database_error.
    virtual std::vector<row> run(const std::string& statement, const std::vector<value>& values = {}) = 0;

    // What `work` does happens as a whole, or, when it throws, not at all.
    template <class F>
    auto transaction(F work) {
        run(dialect_.begin);
        in_transaction_ = true;
        try {
            auto result = work();
            run("COMMIT");
            in_transaction_ = false;
            return result;
        } catch (...) {
            undo();
            throw;
        }
    }

    const sql_dialect& dialect() const { return dialect_; }

protected:
    explicit sql_database(sql_dialect dialect) : dialect_(dialect) {}

    bool in_transaction() const { return in_transaction_; }

private:
    void undo() noexcept;

    const sql_dialect dialect_;
    bool in_transaction_ = false;
};

// Throws std::invalid_argument for a URL that cannot be meant, and database_error when it cannot be opened.
std::unique_ptr<sql_database> open_database(const std::string& url);

std::unique_ptr<sql_database> open_sqlite(const std::string& path);  // empty: in memory
std::unique_ptr<sql_database> open_postgresql(const std::string& url);

}  // namespace orders
