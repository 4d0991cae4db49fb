// Random histories of a bulkhead against a plain queue.
#include <fusebox/bulkhead.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <vector>

namespace {

using namespace fusebox;

enum class act : unsigned char { enter, queue, give_back, claim, leave, set_limit };

struct command {
    act what{};
    unsigned which = 0;
    friend std::ostream& operator<<(std::ostream& out, const command& c) {
        constexpr const char* names[] = {"enter", "queue", "give_back", "claim", "leave", "set_limit"};
        return out << names[static_cast<unsigned>(c.what)] << '(' << c.which << ')';
    }
};

}  // namespace

template <>
struct rc::Arbitrary<command> {
    static Gen<command> arbitrary() {
        const auto what = gen::weightedElement<act>({{4, act::enter},
                                                     {8, act::queue},
                                                     {6, act::give_back},
                                                     {4, act::claim},
                                                     {3, act::leave},
                                                     {1, act::set_limit}});
        return gen::build<command>(gen::set(&command::what, what), gen::set(&command::which, gen::inRange(0u, 64u)));
    }
};

namespace {

struct guest final : waiter {
    guest(int n, std::vector<int>& l) : number(n), called(&l) {}
    void granted() noexcept override { called->push_back(number); }
    int number;
    std::vector<int>* called;
};

class side_by_side {
public:
    explicit side_by_side(const bulkhead_options& o) : real_(o), limit_(o.max_concurrent), room_(o.queue) {}
    ~side_by_side() {
        for (const auto& g : granted_) (void)real_.claim(*g);
        for (const auto& g : waiting_) real_.leave(*g);
    }

    void run(const command& c) {
        switch (c.what) {
            case act::enter: return enter();
            case act::queue: return queue();
            case act::give_back:
                if (held_.empty()) return;
                held_.erase(held_.begin() + c.which % held_.size());
                --in_use_;
                return let_in();
            case act::claim:
                if (granted_.empty()) return;
                held_.push_back(real_.claim(**granted_.begin()));
                granted_.pop_front();
                return;
            case act::leave: return leave(c.which);
            case act::set_limit:
                limit_ = 1 + c.which % 6;
                RC_ASSERT(real_.set_limit(limit_).has_value());
                return let_in();
        }
    }

    void compare() const {
        const auto s = real_.snapshot();
        RC_ASSERT(s.limit == limit_);
        RC_ASSERT(s.in_use == in_use_);
        RC_ASSERT(s.max_in_use == most_);
        RC_ASSERT(s.queued == waiting_.size());
        RC_ASSERT(s.rejected == rejected_);
        RC_ASSERT(s.gave_up == gave_up_);
        RC_ASSERT(called_ == wanted_calls_);
        RC_ASSERT(in_use_ == held_.size() + granted_.size());
    }

private:
    bool room() const { return in_use_ < limit_ && waiting_.empty(); }
    void took_slot() { most_ = std::max(most_, ++in_use_); }

    void enter() {
        auto answer = real_.enter(time_point{});
        RC_ASSERT(answer.has_value() == room());
        if (!answer) return void(++rejected_);
        took_slot();
        held_.push_back(std::move(*answer));
    }
    void queue() {
        auto g = std::make_unique<guest>(last_guest_++, called_);
        auto answer = real_.enter(time_point{}, *g);
        if (room()) {
            RC_ASSERT(answer.has_value() && answer->has_value());
            took_slot();
            held_.push_back(std::move(**answer));
        } else if (waiting_.size() < room_) {
            RC_ASSERT(answer.has_value() && !answer->has_value());
            waiting_.push_back(std::move(g));
        } else {
            RC_ASSERT(!answer.has_value());
            ++rejected_;
        }
    }
    void leave(unsigned which) {
        if (waiting_.size() + granted_.size() == 0) return;
        which %= static_cast<unsigned>(waiting_.size() + granted_.size());
        if (which < waiting_.size()) {
            RC_ASSERT(real_.leave(*waiting_[which]));
            waiting_.erase(waiting_.begin() + which);
            ++gave_up_;
        } else {
            const auto at = granted_.begin() + (which - waiting_.size());
            RC_ASSERT(!real_.leave(**at));
            (void)real_.claim(**at);
            granted_.erase(at);
            --in_use_;
            let_in();
        }
    }
    void let_in() {
        while (!waiting_.empty() && in_use_ < limit_) {
            wanted_calls_.push_back(waiting_.front()->number);
            granted_.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
            took_slot();
        }
    }

    bulkhead real_;
    std::uint32_t limit_, room_, in_use_ = 0, most_ = 0;
    std::uint64_t rejected_ = 0, gave_up_ = 0;
    int last_guest_ = 0;
    std::deque<std::unique_ptr<guest>> waiting_, granted_;
    std::vector<int> called_, wanted_calls_;
    std::vector<bulkhead::permit> held_;
};

const bool parameters_set = setenv("RC_PARAMS", "max_success=2000 max_size=150 seed=1", 0) == 0;

RC_GTEST_PROP(bulkhead, does_what_a_plain_queue_does, (const std::vector<command>& history)) {
    RC_ASSERT(parameters_set);
    side_by_side both{{.max_concurrent = *rc::gen::inRange(1u, 5u), .queue = *rc::gen::inRange(0u, 5u)}};
    both.compare();
    for (const command& c : history) {
        both.run(c);
        both.compare();
    }
}

}  // namespace
