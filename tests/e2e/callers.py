"""Guests who come one after the other until they are told to stop; the first one who is turned away fails the test."""

import concurrent.futures
import threading

CROWD = 4


class Callers:
    def __init__(self, case, call):
        self.call = call
        self.stop = threading.Event()
        self.served = [0] * CROWD
        self.crowd = concurrent.futures.ThreadPoolExecutor(CROWD)
        self.calls = [self.crowd.submit(self.go_on, number) for number in range(CROWD)]
        case.addCleanup(self.stop.set)

    def go_on(self, number):
        while not self.stop.is_set():
            self.call()
            self.served[number] += 1

    def have_failed(self):
        return any(call.done() for call in self.calls)

    def count(self):
        return sum(self.served)

    def finish(self):
        """How many were served."""
        self.stop.set()
        for call in self.calls:
            call.result()
        return self.count()
