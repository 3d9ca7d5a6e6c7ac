#include "delivery/plan.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "support/random.hpp"

namespace portier::delivery {

namespace {

template <typename Integer>
Integer any(test::Random& random) {
    return static_cast<Integer>(random.between(0, std::numeric_limits<Integer>::max()));
}

std::string any_text(test::Random& random) {
    static const std::string kAlphabet = "abc/:[]-_ \"\\\n\t{}\xc3\xbc";
    std::string text;
    for (std::uint64_t i = random.between(0, 12); i > 0; --i) {
        const std::size_t at = random.between(0, kAlphabet.size() - 2);
        text += at + 2 == kAlphabet.size() ? kAlphabet.substr(at) : kAlphabet.substr(at, 1);
    }
    return text;
}

AdmissionPlan any_admission(test::Random& random) {
    AdmissionPlan admission{.max_connections = random(),
                            .max_connections_per_source = random(),
                            .accept_rate = {random(), random()},
                            .accept_rate_per_source = {random(), random()},
                            .over_limit = any_text(random)};
    for (auto* networks : {&admission.allow, &admission.deny})
        for (std::uint64_t i = random.between(0, 3); i > 0; --i)
            networks->push_back({any_text(random), static_cast<unsigned>(random.between(0, 128))});
    return admission;
}

Plan any_plan(test::Random& random) {
    Plan plan{.generation = random(),
              .destroy_events = any<std::uint32_t>(random),
              .log_connections = random.between(0, 1) == 1,
              .log_level = any_text(random)};
    for (std::uint64_t i = random.between(0, 4); i > 0; --i) {
        HandlerPlan handler{.name = any_text(random),
                            .row = any<std::uint32_t>(random),
                            .delivery = any_text(random),
                            .balance = any_text(random),
                            .on_demand = random.between(0, 1) == 1};
        for (std::uint64_t j = random.between(0, 3); j > 0; --j)
            handler.processes.push_back(
                {any<std::uint32_t>(random), any<std::uint32_t>(random), any<std::uint32_t>(random)});
        plan.handlers.push_back(handler);
    }
    for (std::uint64_t i = random.between(0, 4); i > 0; --i) {
        PortPlan port{.key = any_text(random),
                      .row = any<std::uint32_t>(random),
                      .protocol = any_text(random),
                      .address = any_text(random),
                      .first = any<std::uint16_t>(random),
                      .last = any<std::uint16_t>(random),
                      .handler = any<std::uint32_t>(random),
                      .admission = any_admission(random)};
        for (std::uint64_t j = random.between(0, 5); j > 0; --j) port.listeners.push_back(any<std::uint32_t>(random));
        plan.ports.push_back(port);
    }
    for (std::uint64_t i = random.between(0, 2); i > 0; --i) plan.admin_listeners.push_back(any<std::uint32_t>(random));
    return plan;
}

}  // namespace

// What the keeper writes is what the router reads, to the last number and character.
TEST(Plan, SurvivesItsJson) {
    test::Random random;
    for (int round = 0; round < 300; ++round) {
        const Plan plan = any_plan(random);
        const std::string text = to_json(plan);
        const Plan again = plan_from_json(text);
        ASSERT_EQ(to_json(again), text);
        ASSERT_EQ(again.generation, plan.generation);
        ASSERT_EQ(again.log_connections, plan.log_connections);
        ASSERT_EQ(again.ports.size(), plan.ports.size());
        for (std::size_t i = 0; i < plan.ports.size(); ++i) {
            const PortPlan &got = again.ports[i], &wanted = plan.ports[i];
            ASSERT_EQ(got.key, wanted.key);
            ASSERT_EQ(got.last, wanted.last);
            ASSERT_EQ(got.listeners, wanted.listeners);
            ASSERT_EQ(got.admission.max_connections, wanted.admission.max_connections);
            ASSERT_EQ(got.admission.accept_rate_per_source.period_ms,
                      wanted.admission.accept_rate_per_source.period_ms);
            ASSERT_EQ(got.admission.allow.size(), wanted.admission.allow.size());
        }
        ASSERT_EQ(again.handlers.size(), plan.handlers.size());
        for (std::size_t i = 0; i < plan.handlers.size(); ++i) {
            ASSERT_EQ(again.handlers[i].name, plan.handlers[i].name);
            ASSERT_EQ(again.handlers[i].on_demand, plan.handlers[i].on_demand);
            ASSERT_EQ(again.handlers[i].processes.size(), plan.handlers[i].processes.size());
        }
    }
}

// A text that the keeper cannot have written is an exception, never half a plan.
TEST(Plan, RefusesAnythingElse) {
    test::Random random;
    const std::string good = to_json(any_plan(random));
    for (const char* text : {"", "null", "[]", "{}", "{\"generation\":1}", "plan"})
        EXPECT_THROW(plan_from_json(text), std::exception) << text;
    for (std::size_t length = 0; length < good.size(); ++length)
        ASSERT_THROW(plan_from_json(good.substr(0, length)), std::exception) << length;
}

}  // namespace portier::delivery
