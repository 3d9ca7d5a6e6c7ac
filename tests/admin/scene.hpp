// A board with something on it, as the pages and the status see it: a served TCP port, a UDP port, a handler with a
// ready and a waiting process, one without any, one on demand.
#pragma once

#include "base/clock.hpp"
#include "metrics/board.hpp"
#include "metrics/exposition.hpp"

namespace portier::admin {

class Scene {
public:
    Scene() {
        metrics::Globals& globals = board->globals;
        globals.process_rows.set(3);
        globals.generation.set(4);
        globals.last_reload_ok.set(1);
        globals.started_ms.set(wall_milliseconds() - 90'061'000);  // a day, an hour, a minute, a second
        globals.roles[0].pid.set(100);
        globals.roles[1].pid.set(101);
        globals.router_restarts[1].add(2);
        metrics::PortRow& port = board->ports[5];
        port.accepted.add(10);
        port.closed[0].add(3);
        port.closed[2].add(1);
        port.rejected[0].add(7);
        port.rejected[4].add(1);
        port.received_bytes.set(2048);
        port.sent_bytes.set(3 << 20);
        port.accept_queue_length.set(9);
        put_process(1, 0, 1234, metrics::ProcessState::ready);
        put_process(2, 1, 0, metrics::ProcessState::waiting);
        board->handlers[0].restarts[0].add(2);
        board->handlers[0].restarts[1].add(1);
    }

    void put_process(std::uint32_t row, std::uint32_t slot, pid_t pid, metrics::ProcessState state) {
        metrics::ProcessRow& process = board->processes[row];
        process.slot.store(slot);
        process.pid.store(pid);
        process.state.store(static_cast<std::uint32_t>(state));
        process.sent.set(6);
        process.ended.set(4);
        process.resident_bytes.set(1536);
        process.open_fds.set(12);
        process.started_ms.set(state == metrics::ProcessState::ready ? wall_milliseconds() - 61'000 : 0);
    }

    metrics::BoardMemory board = metrics::BoardMemory::create();
    metrics::Series series{
        .ports =
            {{.port = "7001/tcp", .protocol = "tcp", .handler = "veg", .delivery = "handoff", .row = 5, .limit = 100},
             {.port = "7001/udp", .protocol = "udp", .handler = "veg", .delivery = "inherit", .row = 6}},
        .handlers = {
            {.name = "veg", .row = 0}, {.name = "bread", .row = 1}, {.name = "cake", .row = 2, .on_demand = true}}};
};

}  // namespace portier::admin
