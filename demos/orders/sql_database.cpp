#include <orders/sql_database.hpp>

namespace orders {

void sql_database::undo() noexcept {
    try {
        run("ROLLBACK");
    } catch (const database_error&) {
        // Then the connection is lost, and the transaction with it.
    }
    in_transaction_ = false;
}

std::unique_ptr<sql_database> open_database(const std::string& url) {
    const std::string sqlite = "sqlite://";
    if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return open_postgresql(url);
    if (url == sqlite) return open_sqlite("");
    if (url.starts_with(sqlite + "/") && !url.ends_with('/')) return open_sqlite(url.substr(sqlite.size()));
    throw std::invalid_argument(
        "DATABASE_URL must be sqlite:// (in memory), sqlite:///a/file/by/its/absolute/path, or "
        "postgresql://user@host/database");  // and is not repeated: it may hold a password
}

}  // namespace orders
